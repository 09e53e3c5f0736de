"""The look of a report: light and dark, by what the reader's system prefers."""

from __future__ import annotations

STYLE = """
:root{color-scheme:light dark;--paper:#fff;--ink:#1c2127;--quiet:#5a6672;--rule:#e1e5ea;--raised:#f6f8fa;
--good:#2c8a63;--bad:#c63d36;--wait:#b37609;--skip:#c3cad2;--gate:#7a55c7;--open:#2a6fdb;--on:#fff}
@media(prefers-color-scheme:dark){:root{--paper:#14181d;--ink:#e4e8ec;--quiet:#9aa6b2;--rule:#2a3138;
--raised:#1b2127;--good:#3fa77c;--bad:#e5655d;--wait:#d6992f;--skip:#4a545e;--gate:#a283e6;--open:#5b97f0;
--on:#0d1115}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:1100px;padding:28px 20px 60px;background:var(--paper);color:var(--ink);
font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
h1{font-size:26px;margin:0 0 2px;letter-spacing:-.01em}h2{font-size:17px;margin:34px 0 10px}
.run{color:var(--quiet);font-family:ui-monospace,Menlo,Consolas,monospace;font-size:13px}
.status{display:inline-block;font-size:13px;font-weight:600;padding:2px 10px;border-radius:99px;
margin-left:10px;vertical-align:4px;border:1.5px solid currentColor}
.s-good{color:var(--good)}.s-bad{color:var(--bad)}.s-wait{color:var(--wait)}.s-open{color:var(--open)}
dl{display:grid;grid-template-columns:max-content 1fr;gap:5px 18px;margin:18px 0 0}
dt{color:var(--quiet)}dd{margin:0;overflow-wrap:anywhere}
code{font:13px ui-monospace,Menlo,Consolas,monospace;background:var(--raised);padding:1px 5px;
border-radius:4px}
.need{font-weight:600;color:var(--wait)}
.lanes{display:flex;border:1px solid var(--rule);border-radius:8px;overflow:hidden;background:var(--raised)}
.names{flex:none;border-right:1px solid var(--rule)}.scroll{overflow-x:auto;flex:1}
svg{display:block}svg text{font:12px system-ui,sans-serif;fill:var(--ink)}svg .quiet{fill:var(--quiet)}
svg .round{fill:var(--quiet);font-weight:600}svg .on{fill:var(--on);font-weight:700}
.rule{stroke:var(--rule)}.bed{opacity:.28}.bar.good{fill:var(--good)}.bar.bad{fill:var(--bad)}.bar.wait{fill:var(--wait)}
.bar.skip{fill:var(--skip)}.bar.gate{fill:var(--gate)}.bar.open{fill:var(--open)}.gap{fill:var(--rule);opacity:.55}
svg .v-good{fill:var(--good);font-weight:600}svg .v-fix{fill:var(--wait);font-weight:600}
svg .v-bad{fill:var(--bad);font-weight:600}
.key{display:flex;flex-wrap:wrap;gap:4px 18px;margin:8px 2px 0;color:var(--quiet);font-size:13px}
.key i{display:inline-block;width:11px;height:11px;border-radius:3px;margin-right:6px}
.wide{overflow-x:auto}table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{text-align:left;padding:5px 14px 5px 0;border-bottom:1px solid var(--rule);vertical-align:top}
th{color:var(--quiet);font-weight:500;font-size:13px}.n{text-align:right}
pre{background:var(--raised);border:1px solid var(--rule);border-radius:8px;padding:12px 14px;overflow-x:auto;
white-space:pre-wrap;overflow-wrap:anywhere;font:13px/1.5 ui-monospace,Menlo,Consolas,monospace}
summary{cursor:pointer;color:var(--quiet)}.quiet,footer{color:var(--quiet)}footer{margin-top:44px;font-size:13px}
i.good{background:var(--good)}i.bad{background:var(--bad)}i.wait{background:var(--wait)}
i.skip{background:var(--skip)}i.gate{background:var(--gate)}i.open{background:var(--open)}
:focus-visible{outline:2px solid var(--open);outline-offset:2px}
@media(max-width:640px){dl{grid-template-columns:1fr;gap:0}dd{margin-bottom:8px}}
@media print{body{max-width:none}.scroll{overflow:visible}}
"""
