/** train.py, put together of its chapters: each uses what those before it define. */
import draws from "./script/draws.py?raw";
import head from "./script/head.py?raw";
import images from "./script/images.py?raw";
import networks from "./script/networks.py?raw";
import runFolder from "./script/run-folder.py?raw";
import training from "./script/training.py?raw";

export const script = [head, draws, images, networks, runFolder, training].join("\n\n");
