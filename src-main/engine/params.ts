import { type Method, type Methods, methods } from "../contract/engine";
import { UsageError } from "../contract/failure";

export function isMethod(name: unknown): name is Method {
  return typeof name === "string" && Object.hasOwn(methods, name);
}

/** Checks a call's parameters. Throws a UsageError that names the method and the parameter. */
export function checkedParams<M extends Method>(method: M, params: unknown): Methods[M]["params"] {
  const result = methods[method].params.safeParse(params);
  if (result.success) return result.data as Methods[M]["params"];
  const problems = result.error.issues.map(({ path, message }) => [...path, message].join(": "));
  throw new UsageError(`${method}: ${problems.join("; ")}`);
}
