"""Style sheet of the report: light and dark, laptop and phone, screen and paper."""

# ruff: noqa: E501

from __future__ import annotations

CSS = """
:root{color-scheme:light dark;--bg:#f4f6f8;--card:#fff;--ink:#18212f;--muted:#5a6676;--line:#e1e6ec;
--accent:#1c6cb3;--gain:#0a7a6b;--loss:#b5480b;--gain-rgb:15,157,138;--loss-rgb:217,96,26;--warn:#fff5e6;
--warn-line:#e9b872;--tip:#18212f;--tip-ink:#fff;--shade:rgba(24,33,47,.22)}
@media (prefers-color-scheme:dark){:root{--bg:#0e1217;--card:#161b22;--ink:#e6eaf0;--muted:#9ba7b6;--line:#2a323d;
--accent:#6fb4f2;--gain:#43c9b3;--loss:#f39154;--warn:#2a2115;--warn-line:#8a6530;--tip:#e6eaf0;--tip-ink:#18212f;--shade:rgba(0,0,0,.6)}}
*{box-sizing:border-box}[hidden]{display:none!important}
html{scroll-behavior:smooth;scroll-padding-top:56px;-webkit-text-size-adjust:100%}
@media (prefers-reduced-motion:reduce){html{scroll-behavior:auto}}
body{margin:0;background:var(--bg);color:var(--ink);line-height:1.5;font-size:15px;overflow-wrap:break-word;
font-family:Inter,system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
a{color:var(--accent)}
:focus-visible{outline:2px solid var(--accent);outline-offset:2px;border-radius:4px}
.skip{position:absolute;left:-999px}.skip:focus{left:8px;top:8px;z-index:9;background:var(--card);padding:6px 12px}
nav{position:sticky;top:0;z-index:5;background:var(--card);border-bottom:1px solid var(--line)}
nav ul{max-width:1200px;margin:0 auto;padding:0 20px;display:flex;gap:4px 20px;list-style:none;overflow-x:auto;
scrollbar-width:none}
nav a{display:block;padding:11px 0;color:var(--muted);text-decoration:none;font-size:13.5px;white-space:nowrap}
nav a:hover{color:var(--ink)}
main,header,footer{max-width:1200px;margin:0 auto;padding:0 20px}
header{padding-top:30px}
.eyebrow{margin:0;color:var(--muted);font-size:13px;letter-spacing:.04em;text-transform:uppercase}
h1{margin:2px 0 8px;font-size:30px;line-height:1.2;letter-spacing:-.01em;overflow-wrap:anywhere}
h2{margin:0;font-size:18px;line-height:1.3}
h3{margin:20px 0 4px;font-size:14px;color:var(--muted);font-weight:600}
.facts{display:flex;flex-wrap:wrap;gap:6px;margin:0 0 14px;padding:0;list-style:none}
.facts li{padding:2px 10px;border:1px solid var(--line);border-radius:99px;background:var(--card);font-size:13px;
color:var(--muted);max-width:100%;overflow-wrap:anywhere}
.lead{margin:0 0 4px;font-size:17px;max-width:62em}
.fine{color:var(--muted);font-size:13.5px;margin:4px 0 0;max-width:72em}
.tiles{display:grid;grid-template-columns:repeat(4,minmax(0,1fr));gap:12px;margin:18px 0}
.tile{position:relative;background:var(--card);border:1px solid var(--line);border-radius:10px;padding:12px 14px}
.tile dt{font-size:13px;color:var(--muted);display:flex;justify-content:space-between;gap:6px;align-items:baseline}
.tile dd{margin:0}
.value{font-size:25px;font-weight:650;letter-spacing:-.015em;font-variant-numeric:tabular-nums;line-height:1.3}
.compare{font-size:13px;color:var(--muted)}
.gain{color:var(--gain)}.loss{color:var(--loss)}
.info{flex:none;width:22px;height:22px;margin:-3px -5px -3px 0;padding:0;border:0;background:none;cursor:help;
color:var(--muted);font:600 12px/1 Inter,system-ui,sans-serif}
.info span{display:inline-block;width:16px;height:16px;line-height:15px;border:1px solid var(--line);
border-radius:50%;text-align:center}
.tip{position:absolute;left:0;right:0;top:calc(100% + 6px);z-index:4;padding:8px 11px;border-radius:8px;
background:var(--tip);color:var(--tip-ink);font-size:13px;line-height:1.4;visibility:hidden;opacity:0;
transition:opacity .12s;pointer-events:none}
.info:hover+.tip,.info:focus+.tip{visibility:visible;opacity:1}
section{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:18px 20px;margin:0 0 16px;
min-width:0}
.head{display:flex;flex-wrap:wrap;justify-content:space-between;align-items:center;gap:8px 16px}
.note{margin:4px 0 0;color:var(--muted);font-size:13.5px}
.warnings{background:var(--warn);border-color:var(--warn-line)}
.warnings ul{margin:6px 0 0;padding-left:20px}
.plot{width:100%;min-height:120px;margin-top:6px}
.plot-equity{height:470px}.plot-price{height:430px}.plot-rolling{height:270px}.plot-half{height:320px}
.halves{display:grid;grid-template-columns:repeat(2,minmax(0,1fr));gap:0 28px}
.scroll{overflow-x:auto;margin:10px -20px 0;padding:0 20px;-webkit-overflow-scrolling:touch;background:
linear-gradient(90deg,var(--card) 40%,transparent) 0/48px 100% no-repeat local,
linear-gradient(270deg,var(--card) 40%,transparent) 100%/48px 100% no-repeat local,
linear-gradient(90deg,var(--shade),transparent) 0/14px 100% no-repeat scroll,
linear-gradient(270deg,var(--shade),transparent) 100%/14px 100% no-repeat scroll}
table{border-collapse:collapse;width:100%;font-size:13.5px;font-variant-numeric:tabular-nums}
th,td{padding:6px 8px;text-align:right;border-bottom:1px solid var(--line);white-space:nowrap}
thead th{color:var(--muted);font-weight:600}
tbody th{font-weight:600}
tr:last-child td,tr:last-child th{border-bottom:0}
.text{text-align:left}
@media screen{#trades-table{font-size:12.5px}#trades-table th,#trades-table td{padding:6px 5px}}
.wide td,.wide th{white-space:normal;vertical-align:top}
.wide td.text{color:var(--muted)}.wide .num{white-space:nowrap;font-weight:600}
.wide th.text{width:13em}.still{color:var(--muted);opacity:.6}
.months td,.months th{text-align:center;padding:5px 2px;border:1px solid var(--card);border-radius:4px;min-width:46px}
.months tbody th{padding-right:10px;text-align:left;position:sticky;left:0;background:var(--card)}
.months .total{font-weight:650;border-left:8px solid var(--card)}
.sort{all:unset;cursor:pointer;white-space:nowrap}
.sort:focus-visible{outline:2px solid var(--accent);border-radius:3px}
.sort::after{content:"\\2195";opacity:.35;font-size:.8em;margin-left:2px}
[aria-sort=ascending] .sort::after{content:"\\2191";opacity:1}
[aria-sort=descending] .sort::after{content:"\\2193";opacity:1}
.bar{height:10px;border-radius:3px;background:var(--accent);min-width:2px}
.costs td:nth-child(3){width:45%}.costs .text{white-space:normal}
.button{font:inherit;font-size:13px;padding:4px 12px;border:1px solid var(--line);border-radius:7px;
background:var(--card);color:var(--ink);cursor:pointer;text-decoration:none}
.button:hover{border-color:var(--muted)}
.button[aria-pressed=true]{background:var(--ink);color:var(--card);border-color:var(--ink)}
.button:disabled{opacity:.45;cursor:default}
.row{display:flex;flex-wrap:wrap;gap:8px;align-items:center}
.pager{margin-top:12px;justify-content:space-between;color:var(--muted);font-size:13.5px}
details summary{cursor:pointer;font-weight:600;padding:2px 0}
pre{margin:10px 0 0;padding:12px 14px;background:var(--bg);border:1px solid var(--line);border-radius:8px;
overflow:auto;max-height:520px;font-size:12.5px;line-height:1.5}
code{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;font-size:.93em}
pre code{font-size:inherit}
.tag{display:inline-block;padding:0 8px;border-radius:99px;border:1px solid var(--line);font-size:12px}
.findings{list-style:none;margin:6px 0 0;padding:0}.findings li{padding:3px 0}.tag{margin-right:6px}
.tag.is-warning,.tag.is-error{border-color:var(--warn-line);background:var(--warn)}
.mono{font-family:ui-monospace,Menlo,Consolas,monospace;font-size:12.5px;overflow-wrap:anywhere}
footer{padding-top:4px;padding-bottom:36px;color:var(--muted);font-size:13px}
@media (max-width:900px){.tiles{grid-template-columns:repeat(2,minmax(0,1fr))}.halves{grid-template-columns:1fr}}
@media (max-width:600px){
body{font-size:15px}header,main,footer{padding-left:12px;padding-right:12px}nav ul{padding:0 12px}
header{padding-top:20px}h1{font-size:24px}.lead{font-size:16px}
section{padding:14px 12px}.scroll{margin:10px -12px 0;padding:0 12px}.tiles{gap:8px}.tile{padding:10px 11px}
.value{font-size:20px}.plot-equity{height:400px}.plot-price{height:350px}.plot-rolling{height:230px}
.plot-half{height:280px}
.costs td:nth-child(4){display:none}
.wide,.wide tbody{display:block}.wide tr{display:grid;grid-template-columns:1fr auto;gap:0 12px;padding:8px 0;
border-bottom:1px solid var(--line)}.wide td,.wide th.text{width:auto;border:0;padding:0}
.wide td.text{grid-column:1/-1}
.tile:nth-child(odd) .tip{right:-100%}.tile:nth-child(even) .tip{left:-100%}
}
@page{margin:14mm}
@media print{
:root{--bg:#fff;--card:#fff;--ink:#000;--muted:#444;--line:#ccc;--accent:#1c6cb3;--gain:#0a7a6b;--loss:#b5480b;
--warn:#fff;color-scheme:light}
nav,.button,.info,.pager,.skip,.modebar{display:none!important}
.tiles{grid-template-columns:repeat(4,minmax(0,1fr));gap:8px}.value{font-size:17px}
.halves{grid-template-columns:repeat(2,minmax(0,1fr));gap:0 10px}
.plot{height:auto!important;min-height:0;break-inside:avoid}h2,h3,.head,.note{break-after:avoid}
body{font-size:11pt}section,.tile{break-inside:avoid;border-color:#ccc}section.long{break-inside:auto}
.scroll{overflow:visible;background:none}table{font-size:8pt}th,td{padding:3px 4px}.sort::after{content:""!important}pre{max-height:none;white-space:pre-wrap}
.months td,.months th{min-width:0}
*{print-color-adjust:exact;-webkit-print-color-adjust:exact}
}
"""
