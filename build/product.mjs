// What the app is called where it is installed, and which files it opens there.
import { readFileSync } from "node:fs";
import path from "node:path";
import { root } from "./run.mjs";

const { name, productName, version, description, author, license } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));

export const product = {
  id: "org.distill-studio.app",
  name,
  title: productName,
  /** Of the command line. */
  command: "distill",
  version,
  summary: description,
  author,
  license,
  /** Of the freedesktop menu specification. */
  categories: ["Science", "Education", "ArtificialIntelligence"],
};

/** A recipe under an ending of its own: a system that opens files by their ending could not tell it from other .json files. */
export const recipeFile = {
  extension: "distill",
  name: "Distill Studio recipe",
  mimeType: "application/x-distill-studio-recipe+json",
};
