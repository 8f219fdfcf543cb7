"""One vLLM server over HTTP: completions with log-probabilities, adapters in and out. Every call has a time limit."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import httpx

from crrl.errors import CrrlError
from crrl.serve.endpoint import Endpoint

CONNECT_S = 5.0
CONTROL_S = 60.0
"""For calls that generate nothing. Loading an adapter takes 25 ms for a model of a million parameters."""
_METRIC = re.compile(r"vllm:(generation_tokens_total|num_requests_running)(?:\{(.*)\})? (\S+)")
"""Lines of vLLM's metrics: name, labels, value."""
_ENGINE = re.compile(r'\bengine="([^"]*)"')
"""The label of the copy of the model that a line is about."""


class ServerError(CrrlError):
    """A server did not answer, or not as it should. `is_final`: asking again cannot help, nor can another attempt."""

    def __init__(self, message: str, *, is_final: bool = False) -> None:
        super().__init__(message)
        self.is_final = is_final
        self.exit_code = 1 if is_final else 77


class Sample(NamedTuple):
    """One completion as it was sampled."""

    token_ids: list[int]
    """Without the prompt; with the end token where the model ended by itself."""
    logprobs: list[float]
    """Natural logarithm of the probability that each token was drawn with, after temperature and filters."""


class Engine(NamedTuple):
    """What one of a server's engines does: there is one for each copy of the model."""

    tokens_made: float
    """Since it was started."""
    running: float
    """Completions that it generates now."""


@dataclass(frozen=True)
class Sampling:
    """How completions are drawn; names are vLLM's."""

    max_tokens: int
    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    stop_token_ids: tuple[int, ...] = ()
    """What ends a completion beside the end tokens that the server knows from its own files."""


class Server:
    """A server that a supervisor published. Safe to call from many threads."""

    def __init__(self, endpoint: Endpoint, request_timeout_s: float) -> None:
        self.endpoint = endpoint
        self._request_timeout_s = request_timeout_s
        self._http = httpx.Client(
            base_url=endpoint.url,
            headers={"Authorization": f"Bearer {endpoint.token}"},
            timeout=httpx.Timeout(CONTROL_S, connect=CONNECT_S),
            limits=httpx.Limits(max_connections=None),
            trust_env=False,  # a site's proxy is for the world outside, never for a node of the same job
        )

    def close(self) -> None:
        """Let its connections go."""
        self._http.close()

    def is_healthy(self) -> bool:
        """Whether it says so."""
        try:
            return self._http.get("/health", timeout=CONNECT_S).status_code == 200
        except httpx.HTTPError:
            return False

    def complete(
        self,
        prompt: Sequence[int],
        count: int,
        sampling: Sampling,
        *,
        model: str,
        seed: int | None = None,
        timeout_s: float | None = None,
    ) -> list[Sample]:
        """Draw `count` completions of one prompt (token ids) from `model`: an adapter's name, or the base model's.

        `timeout_s`: another time than the server's own for requests.
        Raises ServerError if there is no whole answer within the request's time.
        """
        body: dict[str, Any] = {
            "model": model,
            "prompt": list(prompt),
            "n": count,
            "logprobs": 0,
            "return_token_ids": True,
            "return_tokens_as_token_ids": True,
            "skip_special_tokens": False,
            "seed": seed,
            **asdict(sampling),
        }
        answer = self._post("/v1/completions", body, timeout_s or self._request_timeout_s).json()
        return self._samples(answer, count)

    def engines(self) -> dict[str, Engine]:
        """Its engines by their numbers; none if it does not say."""
        try:
            lines = self._http.get("/metrics", timeout=CONNECT_S).text.splitlines()
        except httpx.HTTPError:
            return {}
        made: dict[str, float] = {}
        running: dict[str, float] = {}
        for metric, labels, value in (match.groups() for match in map(_METRIC.fullmatch, lines) if match):
            label = _ENGINE.search(labels or "")
            name, counts = label[1] if label else "", made if metric == "generation_tokens_total" else running
            counts[name] = counts.get(name, 0.0) + float(value)
        return {name: Engine(count, running.get(name, 0.0)) for name, count in made.items()}

    def is_paused(self) -> bool:
        """Whether it generates nothing because it has been told to, while it takes weights."""
        try:
            return bool(self._http.get("/is_paused", timeout=CONNECT_S).json().get("is_paused"))
        except (httpx.HTTPError, ValueError, AttributeError):
            return False

    def score(self, tokens: Sequence[int], *, model: str) -> list[float]:
        """The log-probability of each of `tokens` after those before it (the first one's left out), drawing nothing."""
        body = {"model": model, "prompt": list(tokens), "max_tokens": 1, "prompt_logprobs": 0, "temperature": 1.0}
        answer = self._post("/v1/completions", body, self._request_timeout_s).json()
        try:
            found = answer["choices"][0]["prompt_logprobs"]
            return [float(entry[str(token)]["logprob"]) for token, entry in zip(tokens[1:], found[1:], strict=True)]
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise ServerError(
                f"server {self.endpoint.name} answered without prompt log-probabilities: {error}"
            ) from error

    def load_adapter(self, name: str, path: str) -> None:
        """Load an adapter's folder under a name that is not in use."""
        self._post("/v1/load_lora_adapter", {"lora_name": name, "lora_path": path}, CONTROL_S)

    def unload_adapter(self, name: str) -> None:
        """Forget an adapter; one that is not there is forgotten already."""
        try:
            self._post("/v1/unload_lora_adapter", {"lora_name": name}, CONTROL_S)
        except ServerError as error:
            if not error.is_final:
                raise

    def models(self) -> dict[str, str]:
        """The names it answers to → where each was loaded from."""
        try:
            answer = self._http.get("/v1/models")
            answer.raise_for_status()
            return {entry["id"]: str(entry.get("root", "")) for entry in answer.json()["data"]}
        except (httpx.HTTPError, ValueError, KeyError) as error:
            raise ServerError(f"server {self.endpoint.name} does not list its models: {error}") from error

    def reset_prefix_cache(self) -> None:
        """Forget what earlier weights computed of prompts."""
        self._post("/reset_prefix_cache", {}, CONTROL_S)

    def control(self, route: str, body: Mapping[str, Any], timeout_s: float) -> None:
        """One of vLLM's requests that only do something. Raises ServerError."""
        self._post(route, body, timeout_s)

    def _post(self, route: str, body: Mapping[str, Any], timeout_s: float) -> httpx.Response:
        name = self.endpoint.name
        try:
            answer = self._http.post(route, json=body, timeout=httpx.Timeout(timeout_s, connect=CONNECT_S))
        except httpx.TimeoutException as error:
            raise ServerError(f"server {name} did not answer {route} within {timeout_s:g} s") from error
        except httpx.HTTPError as error:
            raise ServerError(f"server {name} cannot be reached: {type(error).__name__} at {route}") from error
        if answer.status_code != 200:
            said = " ".join(answer.text.split())[:300]
            is_final = 400 <= answer.status_code < 500 and answer.status_code not in (401, 408, 429)
            raise ServerError(f"server {name} answered {route} with {answer.status_code}: {said}", is_final=is_final)
        return answer

    def _samples(self, answer: Any, count: int) -> list[Sample]:
        try:
            choices = sorted(answer["choices"], key=lambda choice: choice["index"])
            samples = [Sample(choice["token_ids"], choice["logprobs"]["token_logprobs"]) for choice in choices]
            whole = len(samples) == count and all(map(_is_whole, samples))
        except (KeyError, TypeError) as error:
            raise ServerError(f"server {self.endpoint.name} gave an answer without {error}") from error
        if not whole:
            raise ServerError(
                f"server {self.endpoint.name} gave {len(samples)} completions, {count} whole ones are needed"
            )
        return samples


def _is_whole(sample: Sample) -> bool:
    return 0 < len(sample.token_ids) == len(sample.logprobs) and all(map(math.isfinite, sample.logprobs))
