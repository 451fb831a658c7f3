import { visible, visibleJson } from "../../contract/visible";

/** A piece of HTML or SVG that is safe to place in a page. */
export class Markup {
  constructor(readonly text: string) {}
}

type Content = string | number | Markup | null | readonly Content[];

/** Template tag: escapes each value as text, in which nothing hides, unless it is markup itself; null becomes nothing. */
export function html(parts: TemplateStringsArray, ...contents: Content[]): Markup {
  return new Markup(parts.map((part, i) => part + (i < contents.length ? render(contents[i]!) : "")).join(""));
}

function render(content: Content): string {
  if (content === null) return "";
  if (content instanceof Markup) return content.text;
  if (typeof content === "object") return content.map(render).join("");
  return visible(String(content)).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** JSON for a script element of type application/json: nothing in it can end the element. */
export function embeddedJson(value: unknown): Markup {
  return new Markup(visibleJson(value, 0).replace(/</g, "\\u003c"));
}
