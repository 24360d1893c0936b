/** The style sheet of a report: for light and dark, wide and narrow pages, and paper. */
import { FAULT_ROW_PX, LANE, PLOT_PX_MIN, ZOOMS } from './constants.ts'

const LIGHT = `--ground:#f6f7f8;--card:#fff;--ink:#16202a;--muted:#5b6875;--line:#e2e6ea;--rule:#eceff2;--accent:#0f766e;
--ok:#1d63c9;--failed:#c01c28;--unknown:#c2570c;--lag:#0f766e;--unreached:#7a4fc0;
--process:#b4452c;--network:#7a4fc0;--clock:#0b7285;--disk:#8a6d00;
--green:#15803d;--blue:#1d63c9;--orange:#c2570c;--red:#c01c28;--green-soft:#d9f0df;--red-soft:#fadadd;--shade:.09;--block:.18`

const DARK = `--ground:#10151a;--card:#182026;--ink:#e6ebef;--muted:#98a6b3;--line:#2a343d;--rule:#212a32;--accent:#2dd4bf;
--ok:#74aefc;--failed:#ff7b85;--unknown:#fb9a4b;--lag:#2dd4bf;--unreached:#b79bf5;
--process:#f08a6c;--network:#b79bf5;--clock:#58c7da;--disk:#d9b93b;
--green:#4ade80;--blue:#74aefc;--orange:#fb9a4b;--red:#ff7b85;--green-soft:#14381f;--red-soft:#47161b;--shade:.13;--block:.26`

const PAGE = `
:root{color-scheme:light dark;${LIGHT};font:15px/1.45 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",sans-serif;font-variant-numeric:tabular-nums}
@media(prefers-color-scheme:dark){:root{${DARK}}}
*{box-sizing:border-box;margin:0}
body{background:var(--ground);color:var(--ink);max-width:96rem;margin:0 auto;padding:1.5rem clamp(.75rem,2vw,2rem) 3rem}
header{padding-bottom:1.25rem}
h1{font-size:1.6rem;letter-spacing:-.02em;line-height:1.2;overflow-wrap:anywhere}
h2{font-size:.8rem;font-weight:600;letter-spacing:.04em;text-transform:uppercase;color:var(--muted);margin-bottom:.75rem}
h3{font-size:.9rem;margin:1.1rem 0 .4rem}
a{color:inherit}
:focus-visible{outline:3px solid var(--accent);outline-offset:1px}
.verdict{display:inline-block;padding:.25rem .8rem;border-radius:1rem;font-weight:600;margin-bottom:.6rem}
.verdict.ok{background:var(--green-soft);color:var(--green)}
.verdict.broken{background:var(--red-soft);color:var(--red)}
.summary{color:var(--muted);max-width:60rem}
dl{display:grid;grid-template-columns:repeat(4,minmax(0,1fr));gap:.9rem 1.25rem;margin:1.1rem 0}
dt{color:var(--muted);font-size:.85rem}
dd{font-size:1.15rem;font-weight:600;line-height:1.25;overflow-wrap:anywhere}
dd small{display:block;font-size:.78rem;font-weight:400;color:var(--muted)}
.replay{display:flex;flex-wrap:wrap;align-items:baseline;gap:.3rem .75rem}
.replay>span{color:var(--muted);font-size:.85rem}
.replay small{flex-basis:100%;color:var(--muted)}
code,pre{font:13px/1.5 ui-monospace,"SF Mono",Menlo,Consolas,monospace}
code{background:var(--card);border:1px solid var(--line);border-radius:.4rem;padding:.25rem .6rem;user-select:all;overflow-wrap:anywhere}
main{display:grid;grid-template-columns:repeat(2,minmax(0,1fr));gap:1rem}
section{background:var(--card);border:1px solid var(--line);border-radius:.75rem;padding:1rem 1.1rem;grid-column:1/-1;min-width:0}
@media(min-width:72rem){.half{grid-column:span 1}}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;font-weight:400;white-space:nowrap;padding:.3rem .9rem .3rem 0;border-top:1px solid var(--line);vertical-align:top}
th:last-child,td:last-child{padding-right:0}
thead th{border-top:0;color:var(--muted);font-size:.85rem}
th.number,td.number{text-align:right}
td.wide{white-space:normal;min-width:16rem;overflow-wrap:anywhere}
td.none{color:var(--muted)}
tr.inside td{border-top:0}
tr:target td,tr:target th{background:color-mix(in srgb,var(--accent) 16%,transparent)}
.counts{display:flex;flex-wrap:wrap;gap:.2rem 1.5rem;margin-bottom:.6rem}
.few{max-height:19rem;overflow-y:auto}
.note{color:var(--muted);font-size:.85rem;margin-top:.6rem}
.failed-text{color:var(--failed);font-weight:600}
.unknown-text{color:var(--unknown);font-weight:600}
.broken h2{color:var(--red)}
section.broken{border-color:var(--red)}
.verdict-held{color:var(--green);font-weight:600}
.verdict-broken{color:var(--red);font-weight:600}
.verdict-open{color:var(--muted)}
.shares{width:30%;min-width:5rem}
.shares div{display:flex;gap:1px;height:.7rem;margin-top:.3rem;border-radius:2px;overflow:hidden}
.shares i:not([style="width:0.00%"]){min-width:3px}
i.ok{background:var(--ok)}i.failed{background:var(--failed)}i.unknown{background:var(--unknown)}
pre{overflow-x:auto;margin-top:.75rem}
summary{cursor:pointer;color:var(--muted)}`

const CONTROLS = `
.controls{display:flex;flex-wrap:wrap;gap:.5rem 1.5rem;justify-content:space-between;align-items:center;margin-bottom:.6rem;font-size:.85rem;color:var(--muted)}
.legend{display:flex;flex-wrap:wrap;gap:.2rem 1rem}
.legend i{display:inline-block;width:.7em;height:.7em;margin-right:.4em;vertical-align:-.03em}
.dot.ok,.dot.unknown{border-radius:50%}
.dot.unknown{background:none;border:2px solid var(--unknown)}
.area.lag{background:color-mix(in srgb,var(--lag) 45%,transparent);border-top:2px solid var(--lag)}
.area.unreached{background:repeating-linear-gradient(90deg,var(--unreached) 0 2px,transparent 2px 4px)}
${['process', 'network', 'clock', 'disk'].map((name) => `.area.${name}{background:color-mix(in srgb,var(--${name}) 30%,transparent);border-left:3px solid var(--${name})}`).join('')}
.zoom{border:0;padding:0;display:flex;gap:.15rem;align-items:center}
.zoom legend{float:left;padding:0;margin-right:.5rem}
.zoom label{position:relative;border:1px solid var(--line);border-radius:.4rem;padding:.05rem .5rem;cursor:pointer}
.zoom input{position:absolute;inset:0;opacity:0;cursor:pointer}
.zoom label:has(:checked){border-color:var(--accent);color:var(--accent);font-weight:600}
.zoom label:has(:focus-visible){outline:3px solid var(--accent)}`

const TIMELINE = `
.frame{display:grid;grid-template-columns:6.6rem minmax(0,1fr);border-top:1px solid var(--line);font-size:11px}
.gutter{position:relative;color:var(--muted);border-right:1px solid var(--line)}
.gutter span{position:absolute;right:.5rem;left:0;text-align:right;transform:translateY(-50%);line-height:1;white-space:nowrap;overflow:hidden;text-overflow:ellipsis}
.gutter .member{color:var(--ink);font-weight:650;font-size:14px;line-height:1.2}
.scroller{overflow-x:auto;overflow-y:hidden;scroll-behavior:auto}
.plot{position:relative;overflow:clip;--zoom:1;width:calc(100%*var(--zoom));min-width:calc(${PLOT_PX_MIN}px*var(--zoom))}
${ZOOMS.map((zoom) => `.time:has(#zoom-${zoom}:checked) .plot{--zoom:${zoom}}.time:not(:has(#zoom-${zoom}:checked)) .zoom-${zoom}{display:none}`).join('')}
.plot svg{position:absolute;inset:0;width:100%}
.ticks span{position:absolute;top:4px;height:100vh;min-height:999rem;padding-left:4px;border-left:1px solid var(--line);color:var(--muted);line-height:1;white-space:nowrap}
.ticks{position:absolute;left:0;right:0;height:22px}
.base{stroke:var(--line);fill:none;vector-effect:non-scaling-stroke}
.rule{stroke:var(--rule);fill:none;vector-effect:non-scaling-stroke}
.shade{opacity:var(--shade)}
.bar.ok{fill:var(--ok);opacity:.55}.bar.failed{fill:var(--failed)}.bar.unknown{fill:var(--unknown)}
.state.ready{fill:var(--green)}
.state.starting,.state.catching-up{fill:var(--blue);fill-opacity:.35}
.state.draining{fill:var(--unreached);fill-opacity:.35}
.state.silent{fill:var(--orange);fill-opacity:.4}
.state.down{fill:var(--red);fill-opacity:.3}
.state-name{position:absolute;height:${LANE.state.height}px;line-height:${LANE.state.height}px;font-size:10px;overflow:clip;white-space:nowrap}
.state-name b{position:sticky;left:3px;padding-left:3px;font-weight:400}
.unreached{fill:var(--unreached);fill-opacity:.75}
.lag{fill:var(--lag);fill-opacity:.4}
.dots{fill:none;stroke-linecap:round;vector-effect:non-scaling-stroke}
.dots.ok{stroke:var(--ok);stroke-width:2.6;stroke-opacity:.5}
.dots.failed{stroke:var(--failed);stroke-width:7;stroke-linecap:square}
.dots.unknown{stroke:var(--unknown);stroke-width:9}
.dots.hole{stroke:var(--card);stroke-width:4.5}
.crowded .dots.failed{stroke-width:3.5}.crowded .dots.unknown{stroke-width:6}.crowded .dots.hole{stroke-width:2.5}
.target{fill:none;stroke:transparent;stroke-width:13;stroke-linecap:round;vector-effect:non-scaling-stroke;pointer-events:stroke}
${['process', 'network', 'clock', 'disk'].map((name) => `.shade.${name}{fill:var(--${name})}.band.${name},a.${name}{--family:var(--${name})}`).join('')}
td a.process,td a.network,td a.clock,td a.disk{text-decoration-color:var(--family);text-decoration-thickness:2px;text-underline-offset:3px}
.band{position:absolute;height:${FAULT_ROW_PX - 4}px;min-width:4px;border-left:3px solid var(--family);color:var(--ink);text-decoration:none;line-height:${FAULT_ROW_PX - 4}px;white-space:nowrap;background:color-mix(in srgb,var(--family) calc(100%*var(--block)),transparent)}
.band{display:flex}
.band span{position:sticky;left:4px;padding-left:3px;flex:none;height:100%}
.band.left{justify-content:end}
.band.left span{left:auto;right:4px}
.band:hover,.band:target{outline:2px solid var(--family)}
.forming{position:absolute;left:0;top:0;bottom:0;background:repeating-linear-gradient(135deg,transparent 0 5px,var(--line) 5px 6px);overflow:hidden;color:var(--muted)}
.forming span{padding:2px 6px;background:var(--card)}
.moment{position:absolute;bottom:0;border-left:1.5px dashed var(--kind);color:var(--kind);pointer-events:none;z-index:2}
.moment span{position:absolute;left:5px;top:1px;line-height:16px;white-space:nowrap;font-weight:600;padding:0 3px;background:var(--card)}
.moment.left span{left:auto;right:6px}
.heal,.quiet{--kind:var(--green);z-index:3}
.violation{--kind:var(--red);border-left-style:solid;border-left-width:2px}
.violation span{left:10px;padding:0 6px;border-radius:4px;background:var(--red);color:var(--card)}
.moment.violation.left span{right:11px}
.mark{position:absolute;width:18px;margin-left:-9px;height:18px;line-height:18px;text-align:center;color:var(--red);font-weight:700;text-decoration:none;z-index:4}
.mark:hover,.mark:target{background:var(--red);color:var(--card);border-radius:50%}
.cursor{position:absolute;top:0;bottom:0;border-left:1px solid var(--ink);opacity:.55;pointer-events:none;z-index:1}
.look{margin-top:.9rem;font-size:.9rem}
.look label{display:flex;flex-wrap:wrap;gap:.25rem 1rem;align-items:center;color:var(--muted)}
.look input{flex:1 1 16rem;accent-color:var(--accent)}
.look output{display:block;min-height:3em;margin:.4rem 0 .2rem;font-weight:600}
.look table{max-width:36rem}
.is::before{content:"▲ ";color:var(--orange)}
.is.ready::before{content:"● ";color:var(--green)}
.is.down::before{content:"✕ ";color:var(--red)}`

const NARROW_AND_PAPER = `
@media(max-width:40rem){dl{grid-template-columns:repeat(2,minmax(0,1fr))}.stack thead{display:none}.stack tr{display:flex;flex-wrap:wrap;border-top:1px solid var(--line)}.stack th,.stack td{border:0}.stack .wide{flex-basis:100%;min-width:0;padding-top:0}
.frame{grid-template-columns:4.6rem minmax(0,1fr)}.gutter span{right:.3rem;font-size:10px}.gutter .member{font-size:12px}section{padding:.8rem}}
@media print{:root{color-scheme:light;${LIGHT}}
body{max-width:none;padding:0;font-size:11px;print-color-adjust:exact;-webkit-print-color-adjust:exact}
.zoom,.look{display:none!important}.plot{--zoom:1!important;min-width:0}.scroller,.scroll{overflow:visible;max-height:none}
.ticks:not(.zoom-1){display:none!important}.ticks.zoom-1{display:block!important}section{break-inside:avoid-page}.cursor{display:none}}`

export const STYLE: string = [PAGE, CONTROLS, TIMELINE, NARROW_AND_PAPER].join('')
