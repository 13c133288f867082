"""Contract, section 1: what ``from awlab import *`` brings."""

from __future__ import annotations

import awlab
from awlab.backend.database import registered_classes

# Bases that are not for users, and the root of what has a name.
INNER = {"Named"}


def test_every_name_that_the_contract_promises():
    tools = {"context", "lpu", "dpu", "Pars", "persistent", "connect", "ingest", "Flag"}
    bases = {"DBObject", "DataObject", "ProcessTarget", "Struct", "Imstat", "Astrom"}
    lineage = {"explain", "export_prov", "tell_me_everything"}
    assert tools | bases | lineage | {"AwlabError"} <= set(awlab.__all__)
    assert all(getattr(awlab, name) is not None for name in awlab.__all__)


def test_every_persistent_class_is_there():
    for name in awlab.__all__:
        getattr(awlab, name)
    own = {n for n, c in registered_classes().items() if c.__module__.startswith("awlab.backend.")}
    assert own - INNER - set(awlab.__all__) == set()
