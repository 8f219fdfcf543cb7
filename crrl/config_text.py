"""YAML as plain text values with their lines. The types of `crrl.config` decide what a value means, not YAML's guesses.

YAML 1.1 reads `24:00:00` as 86400, `off` as False and `1e-4` as text; here every scalar stays the text that was written.
"""

from __future__ import annotations

from typing import Any

from crrl.errors import ConfigError


def read_yaml(text: str, where: str) -> tuple[Any, dict[str, int]]:
    """The values of a YAML text, and the line (from 1) of each setting by its dotted name.

    Scalars are str, mappings dict, sequences list. `where` is the file's name for errors.
    Raises ConfigError for a text that is no YAML, or that sets one name twice.
    """
    import yaml

    lines: dict[str, int] = {}
    try:
        node = yaml.compose(text, Loader=yaml.BaseLoader)
        return _values(node, "", lines, where), lines
    except yaml.YAMLError as error:
        raise ConfigError(f"{where} is no YAML: {' '.join(str(error).split())}") from error
    except RecursionError as error:
        raise ConfigError(f"{where} holds itself by a YAML alias, or is nested too deep; write plain values") from error


def _values(node: Any, prefix: str, lines: dict[str, int], where: str) -> Any:
    import yaml

    if isinstance(node, yaml.SequenceNode):
        return [_values(inner, prefix, lines, where) for inner in node.value]
    if not isinstance(node, yaml.MappingNode):
        return node.value if node else None
    values: dict[str, Any] = {}
    for key, inner in node.value:
        name, line = str(key.value), key.start_mark.line + 1
        if name in values:
            raise ConfigError(f"{where}:{line}: {prefix}{name} is set twice; keep one")
        lines[prefix + name] = line
        values[name] = _values(inner, f"{prefix}{name}.", lines, where)
    return values
