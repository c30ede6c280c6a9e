// The Rules page: what is looked for and why, and which rules make the most noise.
import { testMessage } from "./acts";
import { get, type Data } from "./data";
import { anchor, el, numbers, renewing, row, scrolled } from "./dom";
import { lasting, name, num, t, whole } from "./i18n";
import { mark } from "./open";
import { condition } from "./rule";
import type { Page } from "./site";
import type { Names, Rule } from "./types";

interface Noisy { rule: string; title: Names; fired: number; acknowledged: number; no_action: number; minutes_firing: number }
interface Channel { id: string; kind: string; ok: boolean; error: string | null; sent: number }
interface Noisiest { goal_per_hour: number; per_hour: number; rules: Noisy[] }
const WEEK_H = 168;
const EVERY_MS = 60_000;
const RANK: Record<string, number> = { critical: 0, warning: 1, info: 2 };

export function rulesPage(data: Data): Page {
  const noise = el("section", "card"), list = el("section", "cards rules");
  const told = el("section", "card");
  const showNoise = renewing(noise), showList = renewing(list), showTold = renewing(told);
  const root = el("main", "rulespage", el("h1", "", t("rules")), noise, told, list);
  let live = true, loadedAt = performance.now();
  void load();

  async function load(): Promise<void> {
    loadedAt = performance.now();
    try {
      const [rules, noisy, { channels }] = await Promise.all([get<Rule[]>("/api/v1/rules"), get<Noisiest>("/api/v1/rules/noisiest"), get<{ channels: Channel[] }>("/api/v1/notify")]);
      if (!live) return;
      showNoise(noisy, () => table(noisy));
      told.hidden = !channels.length;
      showTold(channels, () => [el("h2", "", t("channels")), scrolled(t("channels"), [t("channel"), t("state"), t("messagesSent"), ""], channels.map(channel))]);
      showList(rules, () => [...rules].sort((a, b) => (RANK[a.severity] ?? 3) - (RANK[b.severity] ?? 3)).map(card));
    } catch (error) {
      if (live) showNoise([], () => [el("p", "stale", (error as Error).message)]);
    }
  }
  function table(n: Noisiest): HTMLElement[] {
    const met = n.per_hour <= n.goal_per_hour;
    const said = el("p", met ? "said" : "said stale", `${t(met ? "goalMet" : "goalMissed")} ${t("noiseRate", { v: num(n.per_hour), g: whole(n.goal_per_hour) })}`);
    const rows = n.rules.map((r) => {
      const line = row(anchor(name(r.title, r.rule), `/rules/${r.rule}`, "title", `noisy-${r.rule}`));
      line.append(...numbers(whole(r.fired), num(r.fired / WEEK_H), whole(r.acknowledged), whole(r.no_action), lasting(r.minutes_firing * 60_000)));
      return line;
    });
    const head = [t("rule"), t("fired"), t("perHour"), t("acknowledged"), t("noAction"), t("lastedFor")];
    return [el("h2", "", t("noisiest")), said, el("p", "small", t("goal")), rows.length ? scrolled(t("noisiest"), head, rows) : el("p", "small", t("none"))];
  }
  function channel(c: Channel): HTMLElement {
    const line = row(`${c.id} (${c.kind})`, c.ok ? t("takes") : el("span", "stale", c.error ?? t("takesNot")));
    line.append(...numbers(whole(c.sent)), el("td", "", testMessage(c.id)));
    return line;
  }
  function card(r: Rule): HTMLElement {
    const open = r.open ? [anchor(t("openCount", { n: r.open }), "/alerts", "chip", `open-${r.id}`)] : [];
    return el("section", "card", el("header", "", el("h2", "", name(r.title, r.id)), mark(r.severity)), ...condition(r), el("div", "facts", anchor(t("backtest"), `/rules/${r.id}`, "chip", `try-${r.id}`), ...open));
  }
  // Asked anew each minute while somebody looks.
  function update(): void {
    if (!document.hidden && performance.now() - loadedAt > EVERY_MS) void load();
  }
  return { root, update, stop: () => (live = false) };
}
