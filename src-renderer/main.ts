import { mount } from "svelte";
import App from "./App.svelte";
import { desktopBridge } from "./bridge";
import { Studio } from "./state/studio.svelte";
import "uplot/dist/uPlot.min.css";
import "./styles/base.css";

// What only a browser needs is not loaded in the app.
const bridge = "host" in window ? desktopBridge() : (await import("./browser/bridge")).browserBridge();
const studio = new Studio(bridge);
studio.start();
export default mount(App, { target: document.getElementById("app")!, props: { studio } });
