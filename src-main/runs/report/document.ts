import { embeddedJson, html, Markup } from "./markup";
import { STYLE } from "./style";

/** A self-contained page: no network, no script. `data` is embedded as JSON, in the element #`id`. */
export function documentOf(title: string, content: Markup, { id, data }: { id: string; data: unknown }): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="generator" content="Distill Studio">
<title>${title} – Distill Studio</title>
<style>${new Markup(STYLE)}</style>
</head>
<body>
<main>
${content}
<footer>Written by Distill Studio. The data of this page is embedded in it as JSON (element <code>#${id}</code>).</footer>
</main>
<script type="application/json" id="${id}">${embeddedJson(data)}</script>
</body>
</html>
`.text;
}
