/** The model that weights are of, where a call leaves that to them. */
import { UsageError } from "../contract/failure";
import type { NoticeBody } from "../contract/notices";
import { modelOf } from "../training/backbone";

interface Asked {
  model: string | null;
  weights: string;
}

/** `file`: where the weights are. Says what was assumed. Throws an InputError if they do not say it. */
export function withModel<A extends Asked>(asked: A, file: string, notify: (notice: NoticeBody) => void): A & { model: string } {
  const { model, weights } = asked;
  if (model !== null) return { ...asked, model };
  if (weights === "bundled") throw new UsageError("--weights bundled: several networks come with the program: name one with --model");
  const found = modelOf(file, weights);
  if (found.note) notify({ type: "note", text: found.note });
  return { ...asked, model: found.model };
}
