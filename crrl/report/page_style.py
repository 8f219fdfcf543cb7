"""How report.html looks, in light and in dark."""

STYLE = """
:root { color-scheme: light dark; --text: #1c1c1e; --soft: #6b6b70; --line: #dcdce0; --back: #fff;
  --new: #e3f6e5; --old: #fde7e7; }
@media (prefers-color-scheme: dark) {
  :root { --text: #e8e8ea; --soft: #9a9aa0; --line: #3a3a3e; --back: #161618; --new: #12331a; --old: #3d1717; }
}
body { margin: 2rem auto; max-width: 92rem; padding: 0 1.5rem; font: 15px/1.45 system-ui, sans-serif; color: var(--text);
  background: var(--back); }
h1 { font-size: 1.4rem; margin: 0 0 1rem; }
h2 { font-size: 1.1rem; margin: 2rem 0 .6rem; }
dl { display: flex; flex-wrap: wrap; gap: .6rem 2rem; margin: 0; }
dt { color: var(--soft); font-size: .8rem; }
dd { margin: 0; overflow-wrap: anywhere; }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(24rem, 1fr)); gap: 1.2rem; }
figure { margin: 0; border: 1px solid var(--line); border-radius: 6px; padding: .6rem .8rem; break-inside: avoid; }
figcaption { font-weight: 600; font-size: .9rem; margin-bottom: .3rem; }
svg { width: 100%; height: auto; }
svg text { font-size: 10.5px; fill: var(--soft); }
svg .grid { stroke: var(--line); }
.legend { margin: .2rem 0 0; font-size: .8rem; display: flex; flex-wrap: wrap; gap: .1rem .9rem; }
.legend i { display: inline-block; width: .7rem; height: .7rem; margin-right: .3rem; border-radius: 2px; }
table { border-collapse: collapse; font-size: .87rem; }
th, td { text-align: left; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th { color: var(--soft); font-weight: 600; }
.numbers td + td, .numbers th + th { text-align: right; }
.answers { width: 100%; }
.answers td:last-child { width: 65%; }
pre { margin: 0 0 .3rem; font: 12px/1.4 ui-monospace, monospace; white-space: pre-wrap; overflow-wrap: anywhere; }
pre .new { background: var(--new); }
pre .old { background: var(--old); }
pre .head { color: var(--soft); }
details, .none { color: var(--soft); }
summary { cursor: pointer; font-size: .8rem; }
"""
