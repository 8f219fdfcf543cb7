"""A run's settings survive YAML, and a run that cannot work is refused with what to do."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crrl.config import (
    SIZES,
    RunConfig,
    as_dict,
    from_dict,
    from_yaml,
    groups_of_a_batch,
    load_preset,
    read_config,
    time_limit_minutes,
    to_yaml,
    trainer_processes,
    training_dtype,
    validate,
)
from crrl.errors import ConfigError
from crrl.schema import KINDS

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
tricky = st.one_of(
    text, st.sampled_from(["off", "1e5", "24:00:00", "null", "", "~", "007", "yes", "- a", "#", "<<", "@"])
)
whole = st.integers(-(10**12), 10**12)
number = st.floats(allow_nan=False, allow_infinity=False)


@st.composite
def configs(draw: st.DrawFn) -> RunConfig:
    preset = load_preset(draw(st.sampled_from(SIZES)))
    return dataclasses.replace(
        preset,
        model=draw(tricky),
        seed=draw(whole),
        rewards=draw(st.dictionaries(tricky, number, max_size=3)),
        data=dataclasses.replace(preset.data, source=draw(tricky), options=draw(st.dictionaries(tricky, tricky))),
        grpo=dataclasses.replace(preset.grpo, learning_rate=draw(number), use_vllm=draw(st.booleans())),
        tracking=dataclasses.replace(preset.tracking, wandb="off", tags=tuple(draw(st.lists(tricky, max_size=3)))),
        cluster=dataclasses.replace(
            preset.cluster, time=draw(tricky), sbatch=tuple(draw(st.lists(tricky, max_size=2)))
        ),
    )


@settings(max_examples=60, deadline=None)
@given(configs())
def test_every_config_comes_back_from_yaml_as_it_was(config: RunConfig) -> None:
    assert from_yaml(to_yaml(config)) == config
    assert from_dict(as_dict(config)) == config


@pytest.mark.parametrize("task", ["", *KINDS])
@pytest.mark.parametrize("size", SIZES)
def test_every_preset_can_run_and_comes_back_from_yaml(size: str, task: str) -> None:
    preset = load_preset(size, task)
    if task and size != "tiny":  # `--task` is read after the preset, and sets it
        preset = dataclasses.replace(preset, task=task)  # type: ignore[arg-type]
    validate(preset)
    assert preset.size == size
    assert preset.task == (task or "repair")
    assert from_yaml(to_yaml(preset)) == preset


@pytest.mark.parametrize("path", sorted(Path("jobs").glob("*.yaml")), ids=lambda path: path.stem)
def test_the_first_line_of_a_preset_says_what_it_is_for_and_how_long_it_takes(path: Path) -> None:
    line = path.read_text().splitlines()[0]
    assert line.startswith("# ")
    assert "GPU" in line
    assert "hours" in line or "minutes" in line


def test_every_field_is_documented() -> None:
    from tyro._docstrings import get_field_docstring

    for group in dataclasses.fields(RunConfig):
        kind: Any = type(getattr(RunConfig(), group.name))
        for field in dataclasses.fields(kind) if dataclasses.is_dataclass(kind) else ():
            assert get_field_docstring(kind, field.name, ()), f"{group.name}.{field.name}"


@pytest.mark.parametrize(
    ("written", "complaint"),
    [
        ("model: tiny\nmodle: x", "job.yaml:2: there is no setting modle; did you mean model?"),
        ("grpo:\n  stepz: 3", "job.yaml:2: there is no setting grpo.stepz; did you mean grpo.steps?"),
        ("grpo:\n  steps: 3.5", "job.yaml:2: grpo.steps '3.5': must be a whole number"),
        ("grpo: {use_vllm: maybe}", "job.yaml:1: grpo.use_vllm 'maybe': must be true or false"),
        ("grpo: {beta: [1]}", "job.yaml:1: grpo.beta ['1']: must be a number"),
        ("grpo: 3", "job.yaml:1: grpo must hold settings by name, not '3'"),
        ("sandbox: {level: none}", "job.yaml:1: sandbox.level 'none': must be one of namespaces, landlock, limits"),
        ("seed: 1\ntask: fix", "job.yaml:2: task 'fix': must be one of repair, implement, classify"),
        ("lora: {target_modules: q_proj}", "job.yaml:1: lora.target_modules 'q_proj': must be a list, like [a, b]"),
        ("rewards: tests", "job.yaml:1: rewards 'tests': must be values by name, like {a: 1}"),
        ("seed: 1\nseed: 2", "job.yaml:2: seed is set twice; keep one"),
        ("- seed", "job.yaml must hold settings by name, like `model: tiny`"),
        ("", "job.yaml must hold settings by name, like `model: tiny`"),
        ("a: &x [*x]", "job.yaml holds itself by a YAML alias, or is nested too deep; write plain values"),
    ],
)
def test_a_mistake_in_yaml_is_told_with_its_line_and_what_to_write(written: str, complaint: str) -> None:
    with pytest.raises(ConfigError) as error:
        from_yaml(written, where="job.yaml")
    assert str(error.value) == complaint


def test_a_text_that_is_no_yaml_is_refused_in_one_line() -> None:
    with pytest.raises(ConfigError, match=r"^job.yaml is no YAML: .+line 1") as error:
        from_yaml("a: [1", where="job.yaml")
    assert "\n" not in str(error.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot read the config .*none.yaml"):
        read_config(tmp_path / "none.yaml")


def test_yaml_values_mean_what_the_setting_says_and_not_what_yaml_1_1_guesses() -> None:
    config = from_yaml(
        "grpo: {learning_rate: 1e-4}\ncluster: {time: 24:00:00}\ntracking: {wandb: off, tags: [007, no]}"
    )
    assert config.grpo.learning_rate == 1e-4
    assert config.cluster.time == "24:00:00"
    assert config.tracking.wandb == "off"
    assert config.tracking.tags == ("007", "no")


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ("grpo: {num_generations: 1}", "grpo.num_generations 1: must be 2 or more"),
        ("grpo: {per_device_batch_size: 12}", "groups of grpo.num_generations 8 do not divide"),
        ("grpo: {generation_batch_size: 100}", "grpo.generation_batch_size 100 must be a multiple"),
        ("grpo: {generation_batch_size: 16, save_steps: 5}", "resumes exactly only at multiples of 2"),
        ("grpo: {num_iterations: 3, save_steps: 5}", "resumes exactly only at multiples of 3"),
        ("grpo: {gradient_accumulation: 2, generation_batch_size: 24, save_steps: 2}", "only at multiples of 3"),
        ("grpo: {steps: 0}", "grpo.steps 0: must be 1 or more"),
        ("grpo: {learning_rate: 0}", "grpo.learning_rate 0.0: must be above 0"),
        ("grpo: {learning_rate: 1.5}", "not above 1"),
        ("grpo: {learning_rate: nan}", "grpo.learning_rate nan: must be above 0"),
        ("sft: {learning_rate: -1}", "sft.learning_rate -1.0"),
        ("grpo: {temperature: 0}", "grpo.temperature 0.0: must be above 0"),
        ("grpo: {temperature: inf}", "grpo.temperature inf"),
        ("grpo: {top_p: 0}", "grpo.top_p 0.0"),
        ("lora: {rank: -1}", "lora.rank -1: must be 0 or more"),
        ("lora: {dropout: 1}", "lora.dropout 1.0: must be in [0, 1)"),
        ("lora: {rank: 4, dropout: 0.1}", "lora.dropout 0.1: reinforcement is without dropout"),
        ("sandbox: {deadline_s: 0}", "sandbox.deadline_s 0.0: must be above 0"),
        ("sandbox: {workers: -1}", "sandbox.workers -1: must be 0 or more"),
        ("sandbox: {max_unavailable_share: 1.5}", "sandbox.max_unavailable_share 1.5: must be in [0, 1]"),
        ("cluster: {time: soon}", "cluster.time 'soon' is no time limit"),
        ("cluster: {sbatch: ['--exclusive']}", "cluster.sbatch '--exclusive': must be name=value"),
        ("rewards: {tests: 0.5}", "sum to 0.5; they must sum to 1"),
        ("rewards: {test: 1}", "unknown reward 'test'; did you mean tests?"),
        ("rewards: {label: 1}", "the reward label cannot judge repair tasks"),
        ("rewards: {}", "no rewards are given"),
        ("model: ''", "model '': must be a folder"),
        ("data: {source: fixes.jsonl}", "the built-in model `tiny` only reads the toy source"),
        ("data: {source: toyy}", "unknown data source 'toyy'; known are"),
        ("data: {options: {max_chnged_lines: 3}}", "unknown data option 'max_chnged_lines'"),
        (
            "task: implement\nrewards: {tests: 1}\nmodel: x\ndata: {source: mutations}",
            "mutations source holds repair tasks",
        ),
    ],
)
def test_a_run_that_cannot_work_is_refused_in_one_line(change: str, complaint: str) -> None:
    base = "grpo: {use_vllm: false}"
    given = from_yaml(change if change.startswith("grpo") else f"{change}\n{base}")
    config = dataclasses.replace(given, grpo=dataclasses.replace(given.grpo, use_vllm=False))
    with pytest.raises(ConfigError) as error:
        validate(config)
    assert complaint in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("time", "minutes"),
    [
        ("90", 90),
        ("1:30:00", 90),
        ("24:00:00", 1440),
        ("2-12:00:00", 3600),
        ("2-12", 3600),
        ("0:45", 1),
        ("1:00:01", 61),
    ],
)
def test_time_limits_are_read_as_slurm_reads_them(time: str, minutes: int) -> None:
    assert time_limit_minutes(time) == minutes


@pytest.mark.parametrize("time", ["", "0", "-5", "1:60:00", "1:2:3:4", "1h", "90 "])
def test_what_is_no_time_limit_is_refused(time: str) -> None:
    with pytest.raises(ConfigError, match="is no time limit; write minutes"):
        time_limit_minutes(time)


@pytest.mark.parametrize(("size", "processes"), [("tiny", 1), ("small", 1), ("medium", 4), ("large", 16)])
def test_the_server_takes_its_gpus_from_the_trainers(size: str, processes: int) -> None:
    assert trainer_processes(load_preset(size)) == processes


LORA = "lora: {rank: 8}"
GPUS = "cluster: {gpus_per_node: 4, nodes: {server: 1}}"


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ("", "serve.sync adapter publishes LoRA adapters, and lora.rank is 0: there would be none; use --lora.rank 32"),
        ("serve: {sync: nccl}", "serve.sync nccl moves weights from GPU to GPU, and cluster.gpus_per_node is 0"),
        (
            f"serve: {{sync: files}}\n{LORA}",
            "serve.sync files publishes all weights, and lora.rank 8 trains an adapter",
        ),
        (f"serve: {{sync: nccl}}\n{LORA}\n{GPUS}", "serve.sync nccl publishes all weights, and lora.rank 8 trains an"),
        (f"serve: {{tensor_parallel: 2}}\n{LORA}", "without GPUs; a server on the CPU holds one copy"),
        (
            f"serve: {{data_parallel: 3}}\n{LORA}\n{GPUS}",
            "serve.data_parallel 3: so many copies of the model cannot share",
        ),
        (f"serve: {{tensor_parallel: 2}}\n{LORA}\n{GPUS}", "serve.tensor_parallel 2 × serve.data_parallel 1 must be"),
        (f"serve: {{max_num_seqs: 4}}\n{LORA}", "serve.max_num_seqs 4 is below grpo.num_generations 8"),
        (f"serve: {{max_model_len: 1024}}\n{LORA}", "leaves no room for a prompt"),
        (
            f"serve: {{max_model_len: 1500}}\ndata: {{max_prompt_tokens: 1000}}\n{LORA}",
            "serve.max_model_len 1500 leaves no room for a prompt of data.max_prompt_tokens 1000 beside "
            "grpo.max_completion_length 1024; make it 2024 or more, or 0",
        ),
        (f"serve: {{gpu_memory_share: 1.5}}\n{LORA}", "serve.gpu_memory_share 1.5: must be above 0, and not above 1"),
        (f"serve: {{silent_s: 0}}\n{LORA}", "serve.silent_s 0.0: must be above 0"),
        (f"grpo: {{top_p: 0.95}}\n{LORA}", "grpo.top_p 0.95 with grpo.importance_sampling sequence_mask: the server's"),
        (
            f"grpo: {{top_k: 20, min_p: 0.1, importance_sampling: sequence_truncate}}\n{LORA}",
            "grpo.top_k 20, grpo.min_p 0.1 with grpo.importance_sampling sequence_truncate",
        ),
        (
            f"grpo: {{repetition_penalty: 1.1}}\n{LORA}",
            "use --grpo.importance-sampling token_truncate, or leave tokens",
        ),
    ],
)
def test_a_server_that_cannot_work_is_refused_in_one_line(given: str, complaint: str) -> None:
    with pytest.raises(ConfigError) as error:
        validate(from_yaml(given or "seed: 1"))
    assert complaint in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "given",
    [
        LORA,
        "serve: {sync: files}",
        f"{LORA}\n{GPUS}\nserve: {{data_parallel: 2}}",
        f"{LORA}\ngrpo: {{top_p: 0.95, importance_sampling: token_truncate}}",
        f"{LORA}\ngrpo: {{top_p: 0.95, top_k: 20, use_vllm: false}}",
    ],
)
def test_a_server_that_can_work_is_taken(given: str) -> None:
    validate(from_yaml(given))


def test_all_weights_of_one_process_are_trained_in_float32() -> None:
    alone = from_yaml("cluster: {gpus_per_node: 1}\ngrpo: {use_vllm: false}")
    assert (alone.grpo.dtype, training_dtype(alone)) == ("bfloat16", "float32")
    assert training_dtype(from_yaml(f"{LORA}\ncluster: {{gpus_per_node: 1}}")) == "bfloat16"
    assert training_dtype(load_preset("medium")) == "bfloat16"


@pytest.mark.parametrize(("size", "groups"), [("small", 8), ("medium", 16), ("large", 16)])
def test_a_batch_holds_the_groups_that_its_preset_speaks_of(size: str, groups: int) -> None:
    assert groups_of_a_batch(load_preset(size)) == groups


@pytest.mark.parametrize("source", ["commits:.", "primevul:.", "mutations:0.5,commits:.:0.5"])
def test_tests_cannot_reward_what_has_none(source: str) -> None:
    with pytest.raises(
        ConfigError, match=r"^the reward tests runs the tests of tasks, and those of the source (commits|primevul) "
    ):
        validate(from_yaml(f"model: m\nrewards: {{tests: 1.0}}\ndata: {{source: '{source}'}}\n{LORA}"))
    validate(from_yaml(f"model: m\nrewards: {{tests: 1.0}}\ndata: {{source: mutations}}\n{LORA}"))
