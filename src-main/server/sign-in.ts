/**
 * The one page for those who are not signed in, or not any more: it exchanges the token of its address, or a typed one, and says what to do without one.
 */
import { createHash } from "node:crypto";
import { KEY_HEADER, KEY_ITEM, NO_ANSWER, SESSION_PATH, SIGNED_OUT_HASH, WRONG_TOKEN } from "../contract/served";

const STYLE = `
:root { color-scheme: light dark; --ground: #f7f6f3; --surface: #fff; --text: #22211f; --muted: #625f58; --line: #c9c5bb; --accent: #2f5fd0; --on-accent: #fff; --bad: #a8321f; }
@media (prefers-color-scheme: dark) { :root { --ground: #16171a; --surface: #1e2024; --text: #e9e7e2; --muted: #a9a69e; --line: #45474d; --accent: #8fb0ff; --on-accent: #10131c; --bad: #ff9c8a; } }
* { box-sizing: border-box; margin: 0; }
body { display: grid; place-items: center; min-height: 100vh; padding: 20px; background: var(--ground); color: var(--text); font: 15px/1.55 system-ui, sans-serif; }
main { width: min(560px, 100%); padding: 26px 28px; border: 1px solid var(--line); border-radius: 14px; background: var(--surface); }
h1 { margin-bottom: 10px; font-size: 20px; }
p { margin-bottom: 12px; color: var(--muted); }
#problem { color: var(--bad); }
#problem:empty, [hidden] { display: none; }
form { display: flex; gap: 8px; }
input { flex: 1; min-width: 0; height: 36px; padding: 0 10px; border: 1px solid var(--line); border-radius: 8px; background: var(--ground); color: inherit; font: inherit; }
button { height: 36px; padding: 0 16px; border: 0; border-radius: 8px; background: var(--accent); color: var(--on-accent); font: inherit; font-weight: 600; }
code { font: 13px ui-monospace, monospace; }
`;

/** The token is in the part of an address that browsers send to nobody, and leaves the address before anything else is done. */
const SCRIPT = `
const problem = document.getElementById("problem");
const field = document.getElementById("token");
const tokenIn = (text) => { const found = /[#?&]token=([^&\\s]+)/.exec(text); return found ? found[1] : text.trim(); };
const kept = () => localStorage.getItem("${KEY_ITEM}") ?? "";
async function enter(token) {
  const answer = await fetch("${SESSION_PATH}", { method: "POST", body: token }).catch(() => null);
  if (answer?.ok) { localStorage.setItem("${KEY_ITEM}", await answer.text()); location.replace("/"); return; }
  problem.textContent = answer ? "${WRONG_TOKEN}" : "${NO_ANSWER}";
  field.focus();
}
const given = location.hash.startsWith("#token=") ? tokenIn(location.hash) : null;
const isOut = location.hash === "${SIGNED_OUT_HASH}";
history.replaceState(null, "", "/");
for (const part of document.querySelectorAll("[data-when]")) part.hidden = (part.dataset.when === "out") !== isOut;
if (isOut) document.title = "Signed out - Distill Studio";
else if (given) enter(given);
else fetch("${SESSION_PATH}", { headers: { "${KEY_HEADER}": kept() } }).then(({ ok }) => { if (ok) location.replace("/"); });
document.querySelector("form").addEventListener("submit", (event) => { event.preventDefault(); enter(tokenIn(field.value)); });
addEventListener("storage", ({ key, newValue }) => { if (key === "${KEY_ITEM}" && newValue) location.replace("/"); });
addEventListener("hashchange", () => { const token = tokenIn(location.hash); history.replaceState(null, "", "/"); enter(token); });
`;

export const SIGN_IN = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Sign in - Distill Studio</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1 data-when="in">Distill Studio asks for its token</h1>
<h1 data-when="out" hidden>This browser is signed out</h1>
<p data-when="out" hidden>So are all of its windows: the server does not know it any more. A run under way goes on, and the form is kept. To come back, sign in again.</p>
<p>Open the line that <code>distill serve</code> printed in its terminal, or paste it here; if it was given a token, type that. Whoever has it can use this server's files and train on it, so give it to nobody.</p>
<p id="problem" role="alert"></p>
<form>
<input id="token" type="password" autocomplete="off" spellcheck="false" aria-label="Line or token" placeholder="http://.../#token=..." required autofocus>
<button>Open</button>
</form>
</main>
<script>${SCRIPT}</script>
</body>
</html>
`;

const hashOf = (text: string) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

/** Nothing but what is written above. */
export const SIGN_IN_POLICY = [
  "default-src 'none'",
  `script-src ${hashOf(SCRIPT)}`,
  `style-src ${hashOf(STYLE)}`,
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");
