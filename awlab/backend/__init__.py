"""The backend: knows nothing of Jupyter; each folder is a room with one front door."""
