"""The vLLM server of a run: its command line, who may talk to it, completions from it, adapters into it."""
