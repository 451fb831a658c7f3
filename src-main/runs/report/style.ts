/** The report's style: the app's, in light or dark to match the reader's system, and for print. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --ground: #f7f6f3; --surface: #ffffff; --sunken: #f0eee9; --line: #e5e2db; --text: #1c1e22; --muted: #5f6269;
  --student: #2a6fe0; --same-images: #7a1f6e; --control: #d9730d; --teacher: #12866f; --good: #18794e; --bad: #b3261e; --marked: #fdf3dc;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #16171a; --surface: #1d1f23; --sunken: #121316; --line: #2b2e34; --text: #ececee; --muted: #a3a6ae;
    --student: #76a8ff; --same-images: #cb4da1; --control: #f0a04b; --teacher: #4fc3a5; --good: #63c995; --bad: #ff8a80; --marked: #2c2415;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--ground); color: var(--text);
  font: 15px/1.55 Inter, "Segoe UI", -apple-system, system-ui, Cantarell, "Noto Sans", sans-serif; font-variant-numeric: tabular-nums;
}
main { max-width: 1080px; margin: 0 auto; padding: 48px 24px 32px; }
section + section { margin-top: 72px; padding-top: 48px; border-top: 1px solid var(--line); }
h1 { margin: 0; font-size: 30px; line-height: 1.2; letter-spacing: -0.01em; overflow-wrap: anywhere; }
h2 { margin: 44px 0 4px; font-size: 19px; }
header p { margin: 6px 0 0; }
.muted, .empty { color: var(--muted); }
.note { white-space: pre-line; padding-left: 12px; border-left: 3px solid var(--line); }
.verdict { margin: 28px 0; padding: 18px 22px; font-size: 18px; background: var(--surface); border: 1px solid var(--line); border-left: 4px solid var(--student); border-radius: 10px; }
.verdict.pending { border-left-color: var(--control); }
.good { color: var(--good); }
.bad { color: var(--bad); }
table { width: 100%; border-collapse: collapse; background: var(--surface); border: 1px solid var(--line); border-radius: 10px; overflow: hidden; border-spacing: 0; }
table { border-collapse: separate; }
th, td { padding: 9px 16px; text-align: left; border-top: 1px solid var(--line); overflow-wrap: anywhere; }
thead th, tbody:first-child tr:first-child > * { border-top: 0; }
thead th { font-size: 13px; font-weight: 600; color: var(--muted); background: var(--sunken); }
tbody th { font-weight: 500; }
.answers { margin-top: 20px; }
.result td, .result thead th:not(:first-child), .answers td, .answers thead th:not(:first-child) { text-align: right; }
.answers tbody th .muted { display: block; font-size: 13px; font-weight: 400; }
.result td:nth-child(2), .best td { font-weight: 650; }
.difference th, .difference td { background: var(--sunken); font-weight: 650; }
.recipe td { width: 24%; }
.recipe code { margin-left: 6px; }
.differs th, .differs td { background: var(--marked); }
.soft td { width: 24%; vertical-align: top; }
.soft .answer { position: relative; display: block; padding: 1px 6px; z-index: 0; font-size: 13px; }
.soft .answer i { position: absolute; left: 0; top: 1px; bottom: 1px; z-index: -1; border-radius: 4px; background: var(--sunken); }
.hashes { margin-top: 14px; }
code { font: 12px ui-monospace, "SF Mono", "Cascadia Mono", "DejaVu Sans Mono", monospace; color: var(--muted); }
.key { white-space: nowrap; }
.key::before { content: ""; display: inline-block; width: 10px; height: 10px; margin-right: 7px; border-radius: 3px; background: currentColor; }
.key.control::before { background: var(--control); }
.key.same-images::before { background: var(--same-images); }
.key.student::before { background: var(--student); }
.key.teacher::before, .key.best::before { background: var(--teacher); }
.key.diverged::before { background: var(--bad); }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(440px, 100%), 1fr)); gap: 20px; margin: 28px 0; }
figure { margin: 0; padding: 16px 16px 10px; background: var(--surface); border: 1px solid var(--line); border-radius: 10px; break-inside: avoid; }
figure.wide { grid-column: 1 / -1; }
.note { margin: 4px 0 2px; font-size: 13px; color: var(--muted); }
figcaption { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 2px 12px; font-weight: 600; margin-bottom: 6px; }
.legend { display: flex; flex-wrap: wrap; gap: 0 16px; font-size: 13px; font-weight: 400; color: var(--muted); }
svg { display: block; width: 100%; height: auto; }
svg text { font-size: 12px; fill: var(--muted); }
.middle { text-anchor: middle; }
.end { text-anchor: end; }
.grid { stroke: var(--line); }
.axis { stroke: var(--muted); }
.epoch { stroke: var(--muted); stroke-dasharray: 4 4; opacity: 0.6; }
.level { stroke-dasharray: 7 4; stroke-width: 1.5; }
.line { fill: none; stroke-width: 2; stroke-linejoin: round; }
.raw { fill: none; stroke-width: 1; opacity: 0.28; }
.line.control, .raw.control, .level.control { stroke: var(--control); }
.line.same-images, .raw.same-images { stroke: var(--same-images); }
.line.student, .raw.student, .level.student { stroke: var(--student); }
.level.teacher { stroke: var(--teacher); }
.dot { stroke: var(--surface); stroke-width: 1.5; }
.dot.control { fill: var(--control); }
.dot.same-images { fill: var(--same-images); }
.dot.student { fill: var(--student); }
.dot.best { fill: var(--teacher); }
.cross { stroke: var(--bad); stroke-width: 2; }
.strip { height: 46px; margin: 14px 0; overflow: visible; }
.strip .interval { fill: var(--student); opacity: 0.28; }
.strip .mean { stroke: var(--student); stroke-width: 3; }
.strip .seed { fill: var(--surface); stroke: var(--student); stroke-width: 2; }
svg text.teacher { fill: var(--teacher); }
@media (max-width: 640px) {
  main { padding: 28px 14px; }
  table { display: block; overflow-x: auto; }
  td, th { overflow-wrap: normal; }
}
footer { margin-top: 48px; font-size: 13px; color: var(--muted); }
@media print {
  body { background: none; }
  main { padding: 0; max-width: none; }
  section + section { break-before: page; }
  tr, .verdict { break-inside: avoid; }
  h2 { break-after: avoid; }
  .charts { grid-template-columns: 1fr 1fr; }
}
`;
