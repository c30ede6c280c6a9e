// The frame around every page: header, banners, and which page stands at which address.
import "./styles/page.css";
import "./styles/alerts.css";
import { Data } from "./live/data";
import { alertPage } from "./pages/alert";
import { alertsPage } from "./pages/alerts";
import { factorsPage } from "./pages/factors";
import { healthPage } from "./pages/health";
import { linePage } from "./pages/line";
import type { Page } from "./pages/page";
import { rulesPage } from "./pages/rules";
import { sitePage } from "./pages/site";
import { trialPage } from "./pages/trial";
import { Banners } from "./parts/banners";
import { make } from "./parts/dom";
import { closePanel } from "./parts/explain";
import { Header } from "./parts/header";
import * as look from "./parts/look";
import { language, named, setBasis, setLanguage } from "./words/say";

type PageOf = (data: Data, id: string) => Page;

const PAGES: Record<string, (data: Data) => Page> = {
  "/health": healthPage,
  "/factors": factorsPage,
  "/alerts": alertsPage,
  "/rules": rulesPage,
};
// Pages of one thing, whose id stands at the end of the address.
const PAGES_OF_ONE: Record<string, PageOf> = {
  lines: linePage,
  alerts: alertPage,
  rules: trialPage,
};
const ONE = /^\/(lines|alerts|rules)\/([\w.-]+)$/;

const app = document.getElementById("app")!;
const data = new Data(() => requestAnimationFrame(update));
const banners = new Banners();
let header: Header | null = null;
let page: Page | null = null;

function pageAt(path: string): Page {
  const [, kind = "", id = ""] = path.match(ONE) ?? [];
  const ofOne = PAGES_OF_ONE[kind];
  if (ofOne) return ofOne(data, id);
  return (PAGES[path] ?? sitePage)(data);
}

function show(): void {
  closePanel();
  page?.stop();
  page = pageAt(location.pathname);
  void data.alerts.fresh();
  header = new Header(data, show);
  app.replaceChildren(header.root, banners.lost, banners.filling, page.root);
  document.title = `${named(data.site.name, data.site.id)} · Wattline`;
  update();
}

function update(): void {
  if (!header) return;
  header.update();
  banners.update(data);
  page?.update();
}

function go(path: string): void {
  history.pushState(null, "", path);
  show();
  scrollTo(0, 0);
}

// A link to another page of ours changes the page in place, if it was a plain click.
function follow(event: MouseEvent): void {
  const path = (event.target as Element).closest("a")?.getAttribute("href");
  const isPlain = !(event.button || event.ctrlKey || event.metaKey || event.shiftKey);
  if (!path?.startsWith("/") || !isPlain) return;
  event.preventDefault();
  go(path);
}

async function begin(): Promise<void> {
  try {
    await data.start();
    setBasis(data.site.gas_basis);
    show();
  } catch (error) {
    app.replaceChildren(make("p", "banner lost", (error as Error).message));
  }
}

look.begin(show);
setLanguage(language);
addEventListener("popstate", show);
app.addEventListener("click", follow);
void begin();
