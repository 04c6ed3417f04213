"""A module that is deferred, in a process of its own: what is loaded can't be unloaded."""

import subprocess
import sys

import pytest

BEFORE = """
import sys
from cstar_cli.deferred import _Deferred, defer, defer_answering, defer_own, load_without, loaded as really_loaded
def loaded(name):
    return not isinstance(sys.modules[name], _Deferred)
"""


def said(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", BEFORE + code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_an_import_alone_does_not_load_it() -> None:
    assert said("defer('wave'); import wave; print(loaded('wave'))") == "False"


@pytest.mark.parametrize("use", ["import wave; wave.Error", "from wave import Error"])
def test_whoever_asks_it_for_something_loads_it(use: str) -> None:
    assert said(f"defer('wave'); {use}; print(loaded('wave'))") == "True"


def test_whoever_imported_it_before_it_was_loaded_has_all_of_it() -> None:
    assert (
        said("defer('wave'); import wave as early; early.Error; import wave; print(early.open is wave.open)") == "True"
    )


def test_a_module_in_a_package_is_found_there() -> None:
    asked = "defer('importlib.metadata'); import importlib.metadata; print(loaded('importlib.metadata'),"
    assert said(f"{asked} importlib.metadata.version.__name__, loaded('importlib.metadata'))") == "False version True"


def test_what_it_answers_by_itself_does_not_load_it() -> None:
    deferred = "defer_answering('wave', open=lambda: 'by itself'); import wave;"
    assert said(f"{deferred} print(wave.open(), loaded('wave'))") == "by itself False"
    assert said(f"{deferred} wave.Error; print(wave.open is sys.modules['wave'].open, loaded('wave'))") == "True True"
    assert said(f"{deferred} print(really_loaded('wave').open.__name__, loaded('wave'))") == "open True"
    assert said("import wave; defer_answering('wave', open=None); print(wave.open is None)") == "False"


def test_what_its_own_package_takes_of_that_does_not_load_it() -> None:
    deferred = "defer_answering('xml.dom.minidom', parse='by itself'); from xml.dom.minidom import parse;"
    assert said(f"{deferred} print(parse, loaded('xml.dom.minidom'))") == "by itself False"
    assert said(f"{deferred} from xml.dom.minidom import Node; print(Node.__name__, loaded('xml.dom.minidom'))") == (
        "Node True"
    )


def test_what_a_package_imports_itself_is_not_loaded_with_it() -> None:
    deferred = "defer_own('msgspec', 'toml'); import msgspec;"
    assert said(f"{deferred} print(loaded('msgspec.toml'))") == "False"
    assert said(f"{deferred} print(msgspec.toml.decode.__name__, loaded('msgspec.toml'))") == "decode True"


def test_what_is_loaded_stays_as_it_is() -> None:
    assert said("import wave; defer('wave'); print(sys.modules['wave'] is wave, loaded('wave'))") == "True True"


def test_what_a_module_lacks_is_told_as_ever() -> None:
    with pytest.raises(subprocess.CalledProcessError) as failed:
        said("defer('wave'); import wave; wave.nothing")
    assert "module 'wave' has no attribute 'nothing'" in failed.value.stderr


def test_a_module_can_be_loaded_without_one_that_others_still_find() -> None:
    loading = "load_without('typing_extensions', 'msgspec');"
    assert said(f"{loading} print('msgspec' in sys.modules, 'typing_extensions' in sys.modules)") == "True False"
    assert said(f"{loading} import typing_extensions; print(typing_extensions.__name__)") == "typing_extensions"


def test_what_is_loaded_by_then_stays_where_it_is() -> None:
    loading = "import typing_extensions; load_without('typing_extensions', 'msgspec');"
    assert said(f"{loading} print(sys.modules['typing_extensions'] is typing_extensions)") == "True"
