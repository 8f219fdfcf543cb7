"""CodeRepairRL: reinforcement learning that teaches language models to repair programs."""

__version__ = "0.1.0"
