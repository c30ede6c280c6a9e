// The page: header, routes, banners. Everything else is drawn by the page in view.
import "./style.css";
import "./alerts.css";
import { alertPage } from "./alert";
import { alertsPage } from "./alerts";
import { Data } from "./data";
import { anchor, el, text } from "./dom";
import { closePanel } from "./explain";
import { factorsPage } from "./factors";
import { healthPage } from "./health";
import { clock, code, LANG_NAMES, LANGS, lang, name, num, setBasis, setLang, t } from "./i18n";
import { linePage } from "./line";
import { rulesPage } from "./rules";
import { showCount } from "./open";
import { sitePage, type Page } from "./site";
import { trialPage } from "./trial";

const AWAKE_MS = 5000;
const OTHERS: Record<string, (data: Data) => Page> = { "/health": healthPage, "/factors": factorsPage, "/alerts": alertsPage, "/rules": rulesPage };
const ONES: Record<string, (data: Data, id: string) => Page> = { lines: linePage, alerts: alertPage, rules: trialPage };
const root = document.documentElement;
const app = document.getElementById("app")!;
const data = new Data(() => requestAnimationFrame(update));
let asleep: ReturnType<typeof setTimeout> | undefined;
let page: Page | null = null;
let head: ReturnType<typeof header> | null = null;
const lost = el("div", "banner lost"), fill = el("div", "banner fill", el("span"), el("progress"));

function theme(next: string): void {
  root.dataset.theme = next;
  localStorage.setItem("theme", next);
}
// The wall picture has no controls until somebody moves; Esc leaves it.
function wall(on: boolean): void {
  root.classList.toggle("wall", on);
  root.classList.remove("awake");
  localStorage.setItem("wall", on ? "on" : "off");
  if (head) show();
}
function wake(): void {
  if (!root.classList.contains("wall")) return;
  root.classList.add("awake");
  clearTimeout(asleep);
  asleep = setTimeout(() => root.classList.remove("awake"), AWAKE_MS);
}
function go(path: string): void {
  history.pushState(null, "", path);
  show();
  scrollTo(0, 0);
}
function button(label: string, press: () => void, on = false): HTMLElement {
  const b = el("button", "chip", label);
  b.setAttribute("aria-pressed", String(on));
  b.addEventListener("click", press);
  return b;
}
function link(label: string, path: string, within?: RegExp): HTMLElement {
  const a = anchor(label, path, "nav");
  if (within?.test(location.pathname) ?? location.pathname === path) a.setAttribute("aria-current", "page");
  return a;
}
function header() {
  const now = el("span", "clock"), open = anchor("", "/alerts", "chip count"), books = el("span", "small"), cover = el("span", "chip still");
  const languages = LANGS.map((l) => button(LANG_NAMES[l], () => (setLang(l), show()), l === lang));
  const toWall = button(t("wall"), () => wall(!root.classList.contains("wall")), localStorage.getItem("wall") === "on");
  toWall.classList.add("towall");
  const controls = el("div", "controls", link(t("site"), "/"), link(t("health"), "/health"), link(t("factors"), "/factors"), ...(data.alerts.there ? [link(t("alerts"), "/alerts", /^\/(alerts|rules)/)] : []), ...languages, button(t("theme"), () => (theme(root.dataset.theme === "dark" ? "light" : "dark"), show())), toWall);
  const title = el("strong", "works", name(data.site.name, data.site.id));
  title.title = `Wattline ${data.site.version}`;
  const top = el("header", "top", title, now, open, books, data.site.simulated ? el("span", "chip still simulated", t("simulated")) : "", cover, el("span", "small version", `Wattline ${data.site.version}`), el("span", "small leave", t("leave")), controls);
  return { root: top, now, open, books, cover };
}
function show(): void {
  closePanel();
  page?.stop();
  const [, kind = "", id = ""] = location.pathname.match(/^\/(lines|alerts|rules)\/([\w.-]+)$/) ?? [];
  page = ONES[kind]?.(data, id) ?? OTHERS[location.pathname]?.(data) ?? sitePage(data);
  void data.alerts.fresh();
  head = header();
  app.replaceChildren(head.root, lost, fill, page.root);
  document.title = `${name(data.site.name, data.site.id)} · Wattline`;
  update();
}
function update(): void {
  if (!head) return;
  const { now, books, backfill } = data;
  text(head.now, now ? clock(now.at_ms, data.site.timezone, true) : "–");
  text(head.books, books ? `${t("booksTo", { t: clock(books.to_ms, data.site.timezone) })} · ${t("shift", { s: code("shift", books.shift.id) })}` : t(now ? "noBooks" : "waiting"));
  text(head.cover, `${t("coverage")} ${num(books?.today.coverage ?? null)} %`);
  showCount(head.open, data.alerts);
  lost.hidden = !data.lost;
  if (data.lost) text(lost, t("lost", { t: clock(data.lostSince, data.site.timezone, true) }));
  root.classList.toggle("islost", data.lost);
  fill.hidden = !backfill;
  if (backfill) {
    text(fill.firstElementChild!, t("backfill", { p: num((100 * backfill.done) / backfill.total, 2), d: num((backfill.to_ms - backfill.from_ms) / 864e5, 2) }));
    Object.assign(fill.lastElementChild!, { max: backfill.total, value: backfill.done });
  }
  page?.update();
}
theme(localStorage.getItem("theme") ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light"));
setLang(lang);
wall(localStorage.getItem("wall") === "on");
lost.setAttribute("role", "status");
for (const kind of ["pointermove", "pointerdown", "keydown"]) addEventListener(kind, wake);
addEventListener("keydown", (e) => e.key === "Escape" && !document.querySelector(".panel") && root.classList.contains("wall") && wall(false));
addEventListener("popstate", show);
app.addEventListener("click", (e) => {
  const path = (e.target as Element).closest("a")?.getAttribute("href");
  if (!path?.startsWith("/") || e.button || e.ctrlKey || e.metaKey || e.shiftKey) return;
  e.preventDefault();
  go(path);
});
data.start().then(() => (setBasis(data.site.gas_basis), show()), (error: Error) => app.replaceChildren(el("p", "banner lost", error.message)));
