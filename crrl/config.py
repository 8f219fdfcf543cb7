"""Every setting of a run: frozen dataclasses, from a preset's YAML and from flags, checked before anything heavy loads.

The string under a field is its documentation, and the text of `launch.py --help`.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from crrl.cluster.options import check_options
from crrl.cluster.secret_settings import refuse_secrets
from crrl.cluster.site import SiteConfig
from crrl.config_text import read_yaml
from crrl.errors import ConfigError
from crrl.schema import Kind
from crrl.serve.settings import ServeConfig, check_serving

if TYPE_CHECKING:
    from crrl.data.plan import Plan

Part = TypeVar("Part")
Size = Literal["tiny", "small", "medium", "large"]
Stage = Literal["sft", "grpo", "sft,grpo"]
SIZES: tuple[Size, ...] = get_args(Size)
SandboxLevel = Literal["namespaces", "landlock", "limits"]
JOBS = Path(__file__).resolve().parents[1] / "jobs"
TINY_MODEL = "tiny"
"""The built-in model of a million parameters."""


@dataclass(frozen=True)
class DataConfig:
    """Which tasks to train on."""

    source: str = "toy"
    """toy, mutations, stack, commits:FOLDER, swe:…, primevul:…, a .jsonl or .jsonl.gz file, or a mixture (docs/data.md)."""
    rows: int = 0
    """At most this many training tasks; 0: all there are."""
    options: dict[str, str] = field(default_factory=dict)
    """Options of the source, as in `crrl data build` (docs/data.md)."""
    max_prompt_tokens: int = 0
    """Drop tasks whose prompt is longer, in tokens of the model; 0: no limit."""
    skip_bad: int = 0
    """Go on after up to this many bad rows, which are then listed."""


@dataclass(frozen=True)
class SftConfig:
    """Imitation of demonstrations (supervised fine-tuning): alone, or as the warm start of reinforcement. See `stage`."""

    steps: int = 500
    """Optimizer steps."""
    batch_size: int = 32
    """Demonstrations that each process computes at once."""
    gradient_accumulation: int = 1
    """Such batches of each process before an optimizer step."""
    learning_rate: float = 1e-5
    """Its peak; it falls linearly to 0. LoRA usually takes ten times that of full fine-tuning."""
    warmup_steps: int = 20
    """Steps in which the learning rate rises from 0."""
    weight_decay: float = 0.01
    """AdamW's."""
    demonstrations: str = ""
    """A file of answers to imitate, as `crrl data sample` writes it; empty: the tasks' own references (docs/sft.md)."""
    packing: bool = False
    """Fill each row of a batch with several demonstrations, which do not see each other, up to max_length: no padding."""
    max_length: int = 0
    """Tokens of a row: longer demonstrations are left out. 0: no limit; packing needs one."""
    rows: int = 10_000
    """Demonstrations to draw, where the source makes its own (toy)."""
    habit_share: float = 0.5
    """Toy only: the share of demonstrations that show a habit and not the right repair, in [0, 1] (docs/toy.md)."""
    save_steps: int = 250
    """Steps between checkpoints."""


@dataclass(frozen=True)
class GrpoConfig:
    """Reinforcement with GRPO. Names and meanings are those of TRL's GRPOConfig unless said otherwise."""

    steps: int = 300
    """Optimizer steps."""
    learning_rate: float = 1e-6
    """Its peak. LoRA usually takes ten times that of full fine-tuning."""
    lr_scheduler: Literal["constant", "constant_with_warmup", "linear", "cosine"] = "constant_with_warmup"
    """How the learning rate goes on after the warm-up."""
    warmup_steps: int = 10
    """Steps in which the learning rate rises from 0."""
    num_generations: int = 8
    """Completions a prompt: the size of a group, 2 or more."""
    per_device_batch_size: int = 8
    """Completions that one process trains on in one pass."""
    gradient_accumulation: int = 1
    """Passes for one optimizer step."""
    generation_batch_size: int = 0
    """Completions generated at once over all processes; 0: those of one optimizer step."""
    num_iterations: int = 1
    """Optimizer steps on the same completions (mu of the GRPO paper, arXiv:2402.03300)."""
    max_completion_length: int = 1024
    """Tokens of a completion; it is cut off there."""
    temperature: float = 1.0
    """Of the sampling, above 0."""
    top_p: float = 1.0
    """Sample from the likeliest tokens that hold this share of the probability; 1: from all. With servers, what narrows the
    choice (this, top_k, min_p, repetition_penalty) needs an importance_sampling by token."""
    top_k: int = 0
    """Sample from this many likeliest tokens; 0: from all. With servers: see top_p."""
    min_p: float = 0.0
    """Leave out tokens less likely than this share of the likeliest; 0: none. With servers: see top_p."""
    repetition_penalty: float = 1.0
    """Above 1: tokens used before become less likely; 1: as the model says. With servers: see top_p."""
    beta: float = 0.0
    """Weight of the KL divergence from the first model; 0: no reference model is kept."""
    epsilon: float = 0.2
    """How far below and above 1 the ratio of probabilities may go before it is clipped."""
    epsilon_high: float = 0.0
    """The bound above, if another one (0.28 in DAPO, arXiv:2503.14476); 0: epsilon."""
    loss_type: Literal["grpo", "bnpo", "dr_grpo", "dapo"] = "dapo"
    """How token losses are averaged: by completion, by batch, by a constant (arXiv:2503.20783), by tokens of the step."""
    scale_rewards: Literal["group", "batch", "none"] = "group"
    """Divide advantages by the standard deviation of the group, of the batch, or not at all."""
    mask_truncated_completions: bool = False
    """Leave completions that were cut off out of the loss."""
    importance_sampling: Literal["token_truncate", "token_mask", "sequence_truncate", "sequence_mask"] = "sequence_mask"
    """How the loss is corrected where servers sample: by the trainer's probability over the server's, of each token or of the
    whole completion; ratios above the cap count as the cap, or leave the loss. Long completions leave it often by sequence, and
    with top_p and the like, which only the server applies, their ratio falls to nothing: that is refused."""
    importance_sampling_cap: float = 3.0
    """The cap of that ratio."""
    weight_decay: float = 0.0
    """AdamW's."""
    adam_beta1: float = 0.9
    """AdamW's decay of the mean."""
    adam_beta2: float = 0.99
    """AdamW's decay of the variance."""
    max_grad_norm: float = 1.0
    """Longer gradients are scaled to this length; of both stages."""
    dtype: Literal["float32", "bfloat16"] = "bfloat16"
    """What is computed in, and the model's weights; one process that trains all of them keeps those in float32. Of
    both stages."""
    gradient_checkpointing: bool = True
    """Compute activations twice to save their memory; of both stages."""
    use_vllm: bool = True
    """Completions come from a vLLM server on GPUs of its own; False: from the trainer, by transformers."""
    overlap: int = 0
    """Batches of completions that servers draw ahead while the trainer trains: 0, or 1. They come from weights that are one batch
    older, which the loss corrects by the sampler's log-probabilities; `staleness` in metrics.jsonl says by how many steps."""
    logging_steps: int = 1
    """Steps between entries of metrics.jsonl."""
    save_steps: int = 50
    """Steps between checkpoints; what a crash loses at most."""
    keep_completions_every: int = 10
    """Steps between sampled completions that are kept as parquet; 0: none are."""


@dataclass(frozen=True)
class LoraConfig:
    """Low-rank adapters (arXiv:2106.09685), or full fine-tuning."""

    rank: int = 0
    """Rank of each adapter; 0: full fine-tuning."""
    alpha: int = 32
    """The adapters' output is scaled by alpha / rank."""
    dropout: float = 0.0
    """On the adapters' input, in [0, 1). Of imitation only: reinforcement weighs a completion by its probability, which dropout
    would change at random from one pass to the next."""
    target_modules: tuple[str, ...] = ("all-linear",)
    """Names of the layers that get adapters."""


@dataclass(frozen=True)
class EvalConfig:
    """Held-out evaluation with greedy answers, before, during and after."""

    tasks: int = 200
    """Held-out tasks."""
    every_steps: int = 100
    """Optimizer steps between evaluations during the run; 0: only before and after."""
    batch_size: int = 50
    """Answers generated at once."""
    max_new_tokens: int = 0
    """Tokens of an answer; 0: those of a training completion."""


@dataclass(frozen=True)
class SandboxConfig:
    """Where the reward `tests` runs programs (docs/sandbox.md, docs/rewards.md)."""

    level: SandboxLevel = "landlock"
    """The least that is accepted: namespaces (bubblewrap), landlock (works inside an image) or limits (no walls at all)."""
    deadline_s: float = 600.0
    """Seconds for the programs of one step, all together, at least: more where each of them could use its whole time limit,
    twice. What is not judged by then counts as not judged."""
    workers: int = 0
    """Programs that run at a time; 0: one a core."""
    max_unavailable_share: float = 0.25
    """End the run when more than this share of a step's answers could not be judged, in [0, 1]."""


@dataclass(frozen=True)
class TrackingConfig:
    """Weights & Biases."""

    wandb: Literal["auto", "online", "offline", "off"] = "auto"
    """auto: online with a key and a network, else offline."""
    project: str = "crrl"
    """Project of the run."""
    entity: str = ""
    """User or team; empty: the key's own."""
    name: str = ""
    """Name of the run; empty: its id."""
    tags: tuple[str, ...] = ()
    """Tags of the run."""


@dataclass(frozen=True)
class NodesConfig:
    """How many nodes do what."""

    server: int = 0
    """Nodes that only serve; 0: the server, if there is one, shares the single trainer node."""
    trainer: int = 1
    """Nodes that train."""


@dataclass(frozen=True)
class ClusterConfig(SiteConfig):
    """Where the run happens, and how large it is."""

    cluster: Literal["auto", "slurm", "local"] = "auto"
    """auto: Slurm where sbatch is found, else this machine."""
    nodes: NodesConfig = field(default_factory=NodesConfig)
    """How many nodes do what."""
    gpus_per_node: int = 0
    """GPUs of each node; 0: the run is on the CPU."""
    server_gpus: int = 1
    """Of these, how many serve where server and trainer share a node."""
    trainers_per_node: int = 0
    """Trainer processes of each node that trains; 0: one a GPU, or one on the CPU."""
    cpus_per_task: int = 2
    """Cores of each node that the run uses."""
    mem_gb: int = 0
    """Memory of each node in GiB; 0: the cluster's default."""
    time: str = "1:00:00"
    """Time limit: minutes, H:MM:SS or D-HH:MM:SS."""
    image: str = "auto"
    """The Apptainer image; none: this Python, without an image; auto: crrl.sif here for Slurm, none for this machine."""
    code: Literal["image", "checkout"] = "image"
    """Which crrl runs in the image: its own, or this checkout, for work on crrl itself."""
    runs: str = "runs"
    """The folder that holds every run's folder; on a cluster, one that all nodes see."""


@dataclass(frozen=True)
class WatchdogConfig:
    """When a run that stands still is ended, and what starts it again (docs/cluster.md)."""

    start_up_s: float = 1800.0
    """Seconds until the first step of an attempt: data, model, rendezvous. More is a stall."""
    step_s: float = 1800.0
    """Seconds without any progress afterwards: no completion, no reward, no step, no checkpoint. More is a stall."""
    heartbeat_s: float = 120.0
    """Seconds without a sign of life of a process or a node. More is a stall."""
    requeue: tuple[Literal["stopped", "lost", "stalled"], ...] = ("stopped", "lost")
    """After which ends a Slurm job is put back into the queue: asked to stop, a process or node was lost, stalled."""


@dataclass(frozen=True)
class RunConfig:
    """One run, completely: with the code's version, enough to do it again."""

    size: Size = "tiny"
    """Which preset of jobs/ it started from."""
    model: str = TINY_MODEL
    """A folder with config.json and weights, a name of the Hugging Face hub, or `tiny`, the built-in model."""
    task: Kind = "repair"
    """What the model learns."""
    stage: Stage = "grpo"
    """How: by imitation (sft), by reinforcement (grpo), or in one job by both, the second from where the first ended."""
    seed: int = 1
    """Of everything that is drawn: data, weights, order, samples."""
    rewards: dict[str, float] = field(default_factory=lambda: {"similarity": 0.9, "format": 0.1})
    """Rewards by name with weights that sum to 1 (docs/rewards.md)."""
    data: DataConfig = field(default_factory=DataConfig)
    sft: SftConfig = field(default_factory=SftConfig)
    grpo: GrpoConfig = field(default_factory=GrpoConfig)
    lora: LoraConfig = field(default_factory=LoraConfig)
    serve: ServeConfig = field(default_factory=ServeConfig)
    eval: EvalConfig = field(default_factory=EvalConfig)
    sandbox: SandboxConfig = field(default_factory=SandboxConfig)
    tracking: TrackingConfig = field(default_factory=TrackingConfig)
    cluster: ClusterConfig = field(default_factory=ClusterConfig)
    watchdog: WatchdogConfig = field(default_factory=WatchdogConfig)

    @property
    def imitates(self) -> bool:
        """Whether the run has a stage of imitation."""
        return "sft" in self.stage

    @property
    def reinforces(self) -> bool:
        """Whether the run has a stage of reinforcement."""
        return "grpo" in self.stage


_AT_LEAST_ONE = (
    "sft.steps",
    "sft.batch_size",
    "sft.rows",
    "sft.gradient_accumulation",
    "sft.save_steps",
    "grpo.steps",
    "grpo.per_device_batch_size",
    "grpo.gradient_accumulation",
    "grpo.num_iterations",
    "grpo.max_completion_length",
    "grpo.logging_steps",
    "grpo.save_steps",
    "eval.tasks",
    "eval.batch_size",
    "cluster.nodes.trainer",
    "cluster.server_gpus",
    "cluster.cpus_per_task",
    "serve.data_parallel",
    "serve.cpu_cache_gb",
    "serve.lora_slots",
    "serve.max_num_seqs",
)
_AT_LEAST_ZERO = (
    "data.rows",
    "data.max_prompt_tokens",
    "data.skip_bad",
    "sft.max_length",
    "sft.warmup_steps",
    "sft.weight_decay",
    "grpo.warmup_steps",
    "grpo.generation_batch_size",
    "grpo.top_k",
    "grpo.keep_completions_every",
    "grpo.beta",
    "grpo.epsilon",
    "grpo.epsilon_high",
    "grpo.weight_decay",
    "lora.rank",
    "eval.every_steps",
    "eval.max_new_tokens",
    "cluster.nodes.server",
    "cluster.gpus_per_node",
    "cluster.trainers_per_node",
    "cluster.mem_gb",
    "sandbox.workers",
    "serve.tensor_parallel",
    "serve.max_model_len",
    "serve.restarts",
    "serve.max_drift",
    "cluster.signal_s",
    "seed",
)
_ABOVE_ZERO = (
    "grpo.temperature",
    "grpo.repetition_penalty",
    "grpo.max_grad_norm",
    "grpo.importance_sampling_cap",
    "lora.alpha",
    "sandbox.deadline_s",
    "watchdog.start_up_s",
    "watchdog.step_s",
    "watchdog.heartbeat_s",
    "serve.start_min",
    "serve.request_s",
    "serve.silent_s",
)


def as_dict(config: Any) -> dict[str, Any]:
    """A config as plain values that YAML and JSON hold; `from_dict` reads them back."""
    return {name: _plain(value) for name, value in dataclasses.asdict(config).items()}


def from_dict(values: Mapping[str, Any], *, where: str = "config") -> RunConfig:
    """The config of plain values. Raises ConfigError, naming the field, for an unknown name or a wrong type."""
    config: RunConfig = _build(RunConfig, values, _Place(where), "")
    return config


def from_yaml(text: str, *, where: str = "config") -> RunConfig:
    """The config of YAML text; `to_yaml` undone. What the text leaves out has its default.

    Raises ConfigError, naming the line and the nearest known name, for an unknown name or a wrong type.
    """
    values, lines = read_yaml(text, where)
    if not isinstance(values, dict):
        raise ConfigError(f"{where} must hold settings by name, like `model: tiny`")
    config: RunConfig = _build(RunConfig, values, _Place(where, lines), "")
    return config


def build_part(kind: type[Part], values: Mapping[str, Any], where: str, lines: Mapping[str, int]) -> Part:
    """One group of settings, of plain values. Raises ConfigError as `from_yaml` does."""
    part: Part = _build(kind, values, _Place(where, lines), "")
    return part


def to_yaml(config: RunConfig) -> str:
    """The config as YAML text."""
    import yaml

    return yaml.safe_dump(as_dict(config), sort_keys=False)


def read_config(path: Path) -> RunConfig:
    """The config of a preset or of a run's folder; what it leaves out has its default. Raises ConfigError."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read the config {path}: {error}") from error
    return from_yaml(text, where=str(path))


def load_preset(size: str, task: str = "") -> RunConfig:
    """The run of `jobs/<size>-<task>.yaml` where there is one, else of `jobs/<size>.yaml`, with rewards that fit the task.

    Raises ConfigError for an unknown size.
    """
    if size not in SIZES:
        raise ConfigError(f"unknown size {size!r}; known are {', '.join(SIZES)}")
    own = JOBS / f"{size}-{task}.yaml"
    if task and own.is_file():
        return read_config(own)
    preset = read_config(JOBS / f"{size}.yaml")
    return dataclasses.replace(preset, task="classify", rewards={"label": 1.0}) if task == "classify" else preset


def validate(config: RunConfig) -> None:
    """Refuse a run that cannot work, before anything heavy is imported. Raises ConfigError with what to do."""
    from crrl.data.build import make_plan
    from crrl.rewards import check_rewards

    refuse_secrets(config)
    check_rewards(config.rewards, config.task)
    _check_ranges(config)
    _check_stages(config)
    _check_nodes(config)
    _check_batches(config, trainer_processes(config))
    check_serving(config)
    check_options(config)
    plan = make_plan(config.data.source, kind=config.task, split="train", options=config.data.options)
    if "tests" in config.rewards:
        _refuse_untested(plan)
    if config.model == TINY_MODEL and config.data.source != "toy":
        raise ConfigError("the built-in model `tiny` only reads the toy source; name a model with --model")


def _refuse_untested(plan: Plan) -> None:
    from crrl.data.plan import parts_of

    for part in parts_of(plan):
        if not part.source.may_have_tests:
            raise ConfigError(
                f"the reward tests runs the tests of tasks, and those of the source {part.source.name} have none; use other "
                "rewards (docs/rewards.md), as in --rewards similarity=0.9 format=0.1, or another source (docs/data.md)"
            )


def trainer_processes(config: RunConfig) -> int:
    """How many processes train: one a GPU, without those that belong to the server, unless the config says."""
    cluster = config.cluster
    return cluster.nodes.trainer * (cluster.trainers_per_node or max(1, trainer_gpus(config)))


def trainer_gpus(config: RunConfig) -> int:
    """GPUs of each trainer node that trainers use; 0: they are on the CPU."""
    cluster = config.cluster
    is_shared = config.grpo.use_vllm and not cluster.nodes.server
    return cluster.gpus_per_node - (min(cluster.server_gpus, cluster.gpus_per_node) if is_shared else 0)


def _check_stages(config: RunConfig) -> None:
    sft = config.sft
    if sft.packing and not sft.max_length:
        raise ConfigError(
            "sft.packing True needs rows of a certain length, and sft.max_length is 0; use --sft.max-length 4096"
        )
    if config.lora.dropout and not config.imitates:
        raise ConfigError(
            f"lora.dropout {config.lora.dropout}: reinforcement is without dropout, and the run has no stage of imitation; use "
            "--lora.dropout 0, or --stage sft,grpo"
        )
    if sft.demonstrations and not config.imitates:
        raise ConfigError(
            f"sft.demonstrations {sft.demonstrations}: the run has no stage that reads them; use --stage sft,grpo"
        )


def _check_nodes(config: RunConfig) -> None:
    """Refuse combinations of nodes, GPUs and a server that cannot work."""
    cluster, nodes = config.cluster, config.cluster.nodes
    has_server = config.grpo.use_vllm
    if config.grpo.overlap and not has_server:
        raise ConfigError(
            "grpo.overlap 1 has servers generate while the trainer trains, and grpo.use_vllm is False; use --grpo.overlap 0, or "
            "--grpo.use-vllm True"
        )
    if nodes.server and not has_server:
        raise ConfigError(
            f"cluster.nodes.server {nodes.server}, but grpo.use_vllm is False, so nobody would ask that server; "
            "use --nodes.server 0, or --grpo.use-vllm True"
        )
    if has_server and not nodes.server and nodes.trainer > 1:
        raise ConfigError(
            f"cluster.nodes.trainer {nodes.trainer} without a server node: a server shares a node only where it is the "
            "only one; use --nodes.server 1, or --grpo.use-vllm False"
        )
    if has_server and not nodes.server and cluster.gpus_per_node and not trainer_gpus(config):
        raise ConfigError(
            f"cluster.server_gpus {cluster.server_gpus} of cluster.gpus_per_node {cluster.gpus_per_node} serve, so none is "
            "left to train; use fewer, or --nodes.server 1"
        )
    if cluster.gpus_per_node and cluster.trainers_per_node not in (0, trainer_gpus(config)):
        raise ConfigError(
            f"cluster.trainers_per_node {cluster.trainers_per_node}, but {trainer_gpus(config)} GPUs of each node train; "
            "0 makes one process a GPU"
        )
    if cluster.cluster == "slurm" and time_limit_minutes(cluster.time) * 60 <= cluster.signal_s:
        raise ConfigError(
            f"cluster.time {cluster.time} is not longer than cluster.signal_s {cluster.signal_s}: the job would be asked to "
            "stop as it starts; use a longer --time, or a smaller --cluster.signal-s"
        )
    if cluster.cluster == "local" and nodes.server + nodes.trainer > 1:
        raise ConfigError(
            f"{nodes.server + nodes.trainer} nodes on this machine alone (--cluster local); use --nodes.server 0 "
            "--nodes.trainer 1, or --cluster slurm"
        )


def steps_of_a_batch(config: RunConfig) -> int:
    """Optimizer steps that completions are generated for at once. Only after the last of them nothing is half used."""
    grpo = config.grpo
    passes = _batch(config) // (grpo.per_device_batch_size * trainer_processes(config)) * grpo.num_iterations
    return math.lcm(passes, grpo.gradient_accumulation) // grpo.gradient_accumulation


def training_dtype(config: RunConfig) -> Literal["float32", "bfloat16"]:
    """What the trainer's weights are held in.

    Where one process trains all weights, nobody keeps them in float32 beside, as DeepSpeed does, and most of AdamW's steps are
    smaller than bfloat16's rounding. LoRA's own weights are in float32 where one process trains (peft casts them); under ZeRO-3
    they are in this type as well, and DeepSpeed's own copy, which the optimizer changes, is in float32.
    """
    is_alone = trainer_processes(config) == 1
    return "float32" if is_alone and not config.lora.rank else config.grpo.dtype


def groups_of_a_batch(config: RunConfig) -> int:
    """Tasks whose completions are generated at once."""
    return _batch(config) // config.grpo.num_generations


def _batch(config: RunConfig) -> int:
    """Completions that are generated at once: those of a step, or as many as the config says."""
    return config.grpo.generation_batch_size or _completions_of_a_step(config)


def _completions_of_a_step(config: RunConfig) -> int:
    grpo = config.grpo
    return grpo.per_device_batch_size * trainer_processes(config) * grpo.gradient_accumulation


def _check_batches(config: RunConfig, processes: int) -> None:
    grpo = config.grpo
    group = grpo.num_generations
    step = _completions_of_a_step(config)
    given = (
        f"grpo.per_device_batch_size {grpo.per_device_batch_size} × {processes} processes × grpo.gradient_accumulation "
        f"{grpo.gradient_accumulation} = {step} completions a step"
    )
    if step % group:
        raise ConfigError(f"{given}, which groups of grpo.num_generations {group} do not divide; make it a multiple")
    batch = _batch(config)
    if batch % group or batch % (grpo.per_device_batch_size * processes):
        raise ConfigError(
            f"grpo.generation_batch_size {batch} must be a multiple of grpo.num_generations {group} and of "
            f"grpo.per_device_batch_size × processes {grpo.per_device_batch_size * processes}; 0 chooses it for you"
        )
    # A checkpoint does not hold the completions in use: only between two batches of them is nothing lost.
    steps_of_batch = steps_of_a_batch(config)
    if grpo.save_steps % steps_of_batch:
        raise ConfigError(
            f"grpo.save_steps {grpo.save_steps}: completions are generated for {steps_of_batch} steps at once, so a run "
            f"resumes exactly only at multiples of {steps_of_batch}; choose one"
        )


def _check_ranges(config: RunConfig) -> None:
    for name in _AT_LEAST_ONE:
        _require(config, name, lambda value: value >= 1, "1 or more")
    _require(config, "grpo.num_generations", lambda value: value >= 2, "2 or more: a group is compared with itself")
    for name in _AT_LEAST_ZERO:
        _require(config, name, lambda value: value >= 0, "0 or more")
    for name in _ABOVE_ZERO:
        _require(config, name, lambda value: value > 0, "above 0")
    for name in ("sft.learning_rate", "grpo.learning_rate"):
        _require(config, name, lambda value: 0 < value <= 1, "above 0, and not above 1")
    for name in ("sft.habit_share", "grpo.min_p", "sandbox.max_unavailable_share"):
        _require(config, name, lambda value: 0 <= value <= 1, "in [0, 1]")
    _require(config, "serve.gpu_memory_share", lambda value: 0 < value <= 1, "above 0, and not above 1")
    _require(config, "grpo.overlap", lambda value: value in (0, 1), "0 or 1: at most one batch is drawn ahead")
    _require(config, "grpo.top_p", lambda value: 0 < value <= 1, "above 0, and not above 1")
    for name in ("lora.dropout", "grpo.adam_beta1", "grpo.adam_beta2"):
        _require(config, name, lambda value: 0 <= value < 1, "in [0, 1)")
    _require(config, "model", bool, "a folder, a name of the Hugging Face hub, or tiny")
    time_limit_minutes(config.cluster.time)


def time_limit_minutes(time: str) -> int:
    """A time limit as Slurm writes it, in minutes, rounded up. Raises ConfigError if it is none."""
    match = re.fullmatch(r"(?:(\d+)-)?(\d+)(?::([0-5]?\d))?(?::([0-5]?\d))?", time)
    if match:
        days, first, second, third = (int(part) if part else 0 for part in match.groups())
        has_hours = bool(match[1] or match[4])  # D-HH[:MM[:SS]] or H:MM:SS, else M or M:SS
        minutes = (24 * days + first) * 60 + second + (third > 0) if has_hours else first + (second > 0)
        if minutes:
            return minutes
    raise ConfigError(f"cluster.time {time!r} is no time limit; write minutes (90), H:MM:SS (1:30:00) or D-HH:MM:SS")


def _require(config: RunConfig, name: str, holds: Any, wanted: str) -> None:
    value: Any = config
    for part in name.split("."):
        value = getattr(value, part)
    if not holds(value) or (isinstance(value, float) and not math.isfinite(value)):
        raise ConfigError(f"{name} {value!r}: must be {wanted}")


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, tuple) else value


@dataclass(frozen=True)
class _Place:
    """Where values were read, for errors."""

    name: str
    lines: Mapping[str, int] = field(default_factory=dict)

    def of(self, setting: str) -> str:
        """`jobs/tiny.yaml:12`."""
        return f"{self.name}:{self.lines[setting]}" if setting in self.lines else self.name


def _build(kind: Any, values: Mapping[str, Any], place: _Place, prefix: str) -> Any:
    hints = get_type_hints(kind)
    known = [entry.name for entry in dataclasses.fields(kind)]
    given: dict[str, Any] = {}
    for name, value in values.items():
        if name not in known:
            near = difflib.get_close_matches(str(name), known, 1)
            hint = f"did you mean {prefix}{near[0]}?" if near else f"known are {', '.join(known)}"
            raise ConfigError(f"{place.of(f'{prefix}{name}')}: there is no setting {prefix}{name}; {hint}")
        given[name] = _typed(hints[name], value, place, prefix + name)
    return kind(**given)


def _typed(wanted: Any, value: Any, place: _Place, name: str) -> Any:
    """The value as the field's type. Text is read as that type: all values of a YAML text are text."""
    if dataclasses.is_dataclass(wanted):
        if not isinstance(value, dict):
            raise ConfigError(f"{place.of(name)}: {name} must hold settings by name, not {value!r}")
        return _build(wanted, value, place, f"{name}.")
    origin, parts = get_origin(wanted), get_args(wanted)
    if origin is Literal:
        if value in parts:
            return value
        raise ConfigError(f"{place.of(name)}: {name} {value!r}: must be one of {', '.join(map(str, parts))}")
    if origin is tuple and isinstance(value, (list, tuple)):
        return tuple(_typed(parts[0], inner, place, name) for inner in value)
    if origin is dict and isinstance(value, dict):
        return {str(key): _typed(parts[1], inner, place, f"{name}.{key}") for key, inner in value.items()}
    read = _READERS.get(wanted)
    try:
        if read and isinstance(value, (str, int, float)):
            return read(value)
    except (ValueError, KeyError, OverflowError):
        pass
    raise ConfigError(f"{place.of(name)}: {name} {value!r}: must be {_WORDS.get(wanted) or _WORDS[origin]}")


def _int(value: str | int | float) -> int:
    if isinstance(value, float) and not value.is_integer():
        raise ValueError(value)
    if isinstance(value, bool):
        raise ValueError(value)
    return int(value)


def _float(value: str | int | float) -> float:
    if isinstance(value, bool):
        raise ValueError(value)
    return float(value)


def _bool(value: str | int | float) -> bool:
    if isinstance(value, bool):
        return value
    return {"true": True, "yes": True, "false": False, "no": False}[str(value).lower()]


_READERS: dict[Any, Any] = {int: _int, float: _float, bool: _bool, str: str}
_WORDS = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "text",
    tuple: "a list, like [a, b]",
    dict: "values by name, like {a: 1}",
}
"""A type in the words of an error."""
