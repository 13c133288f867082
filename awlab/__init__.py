"""Pull-based calibration of CCD surveys, with full data lineage, in Jupyter."""

__version__ = "0.1.0"
