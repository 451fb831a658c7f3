// The app as a package of Debian and Ubuntu. It has no scripts that run as root at installation: menu, icons and file types are files at places that
// the system's own triggers watch.
import { chmodSync, copyFileSync, cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { product, recipeFile } from "./product.mjs";
import { root, run } from "./run.mjs";

const home = `opt/${product.name}`;

/** What Electron's program is linked with, and GTK does not bring along. Since 2024 some have a second name. */
const depends = [
  "libgtk-3-0 | libgtk-3-0t64",
  "libnss3",
  "libasound2 | libasound2t64",
  "libatspi2.0-0 | libatspi2.0-0t64",
  "libcups2 | libcups2t64",
  "libgbm1",
  "libxkbcommon0",
];
/** What it opens while it runs: for notifications, and to show folders and reports in other programs. */
const recommends = ["libnotify4", "xdg-utils", "hicolor-icon-theme", "shared-mime-info", "desktop-file-utils"];

/** Packs the folder of the app into `file`. `compression`: of dpkg-deb, or "none" where only speed counts. */
export function buildDeb(appFolder, file, { version = product.version, compression = "zstd" } = {}) {
  const tree = mkdtempSync(path.join(os.tmpdir(), "distill-deb-"));
  try {
    chmodSync(tree, 0o755);
    cpSync(appFolder, path.join(tree, home), { recursive: true, verbatimSymlinks: true });
    // Where the kernel gives users no namespaces, or AppArmor keeps them from programs (Ubuntu 24.04), Chromium's sandbox is set up by this helper.
    chmodSync(path.join(tree, home, "chrome-sandbox"), 0o4755);
    mkdirSync(path.join(tree, "usr/bin"), { recursive: true });
    symlinkSync(`../../${home}/${product.name}`, path.join(tree, "usr/bin", product.name));
    symlinkSync(`../../${home}/bin/${product.command}`, path.join(tree, "usr/bin", product.command));
    write(tree, `usr/share/applications/${product.name}.desktop`, desktopEntry);
    write(tree, `usr/share/mime/packages/${product.name}.xml`, mimeInfo);
    writeIcons(tree);
    mkdirSync(path.join(tree, "usr/share/doc", product.name), { recursive: true });
    copyFileSync(path.join(root, "LICENSE"), path.join(tree, "usr/share/doc", product.name, "copyright"));
    write(tree, "DEBIAN/control", control(version, kibibytes(tree)));
    run("dpkg-deb", ["--root-owner-group", `-Z${compression}`, ...(compression === "none" ? [] : ["-z9"]), "--build", tree, file]);
  } finally {
    rmSync(tree, { recursive: true, force: true });
  }
}

function write(tree, file, text) {
  mkdirSync(path.dirname(path.join(tree, file)), { recursive: true });
  writeFileSync(path.join(tree, file), text);
}

/** Of the program, and of the files that it opens. */
function writeIcons(tree) {
  const icons = path.join(root, "build/icons");
  for (const icon of readdirSync(icons)) {
    const folder = path.join(tree, "usr/share/icons/hicolor", icon.endsWith(".svg") ? "scalable" : path.parse(icon).name);
    for (const [kind, name] of [
      ["apps", product.name],
      ["mimetypes", recipeFile.mimeType.replace("/", "-")],
    ]) {
      mkdirSync(path.join(folder, kind), { recursive: true });
      copyFileSync(path.join(icons, icon), path.join(folder, kind, name + path.extname(icon)));
    }
  }
}

const control = (version, size) => `Package: ${product.name}
Version: ${version}
Architecture: ${{ x64: "amd64", arm64: "arm64" }[process.arch]}
Maintainer: ${product.author}
Installed-Size: ${size}
Depends: ${depends.join(", ")}
Recommends: ${recommends.join(", ")}
Section: science
Priority: optional
Description: ${product.summary}
 Trains a student twice from the same start, with and without a teacher,
 and shows what the teacher adds. Runs and settings are kept in the user's
 own folders; they stay when this package is updated or removed.
`;

const desktopEntry = `[Desktop Entry]
Type=Application
Name=${product.title}
Comment=${product.summary}
Exec=${product.name} %F
Icon=${product.name}
Terminal=false
Categories=${product.categories.map((category) => `${category};`).join("")}
Keywords=distillation;training;neural network;image classification;
MimeType=${recipeFile.mimeType};
StartupWMClass=${product.name}
`;

const mimeInfo = `<?xml version="1.0" encoding="UTF-8"?>
<mime-info xmlns="http://www.freedesktop.org/standards/shared-mime-info">
  <mime-type type="${recipeFile.mimeType}">
    <comment>${recipeFile.name}</comment>
    <sub-class-of type="application/json"/>
    <glob pattern="*.${recipeFile.extension}"/>
  </mime-type>
</mime-info>
`;

function kibibytes(folder) {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).map((file) => statSync(path.join(folder, file), { throwIfNoEntry: false }));
  return Math.ceil(files.reduce((sum, stat) => sum + (stat?.isFile() ? stat.size : 0), 0) / 1024);
}
