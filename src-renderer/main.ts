import { mount } from "svelte";
import App from "./App.svelte";
import { desktopBridge } from "./bridge";
import { Studio } from "./state/studio.svelte";
import "uplot/dist/uPlot.min.css";
import "./styles/base.css";

const studio = new Studio(desktopBridge());
studio.start();
export default mount(App, { target: document.getElementById("app")!, props: { studio } });
