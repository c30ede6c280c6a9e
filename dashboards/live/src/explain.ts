// The side panel: a figure taken apart.
import { get } from "./data";
import { el, grid } from "./dom";
import { num, sourceName, t, whole, type Word } from "./i18n";
import type { Site } from "./types";

interface Part { source: string; via: string | null; amount: number; unit: string; kg: number; factor: { value_kg: number; unit: string; source: string; year: number; region: string; gas_basis: string; status: string; fallback: string } }
interface Explained { figure: string; value: number | null; unit: string; parts: Part[]; numerator: { value: number | null }; denominator: { value: number | null } | null; coverage: number | null; estimated: number | null; meters: string[]; readings: string }
// What stands above and below the line of division, with units.
const MADE: Record<string, [Word, string, Word?, string?]> = {
  "power.electricity": ["w_electricity", "kWh", "w_hours", "h"], "energy.electricity": ["w_electricity", "kWh"], "energy.final": ["w_final", "kWh"],
  "intensity.electricity": ["w_electric_carbon", "kg", "w_electricity", "kWh"], "intensity.final": ["w_carbon", "kg", "w_final", "kWh"], "carbon.total_location": ["w_scopes", "kg"],
  "electrification.calorific": ["w_electricity", "kWh", "w_final", "kWh"], "renewable.physical": ["w_renewable", "kWh", "w_electricity", "kWh"], "per_good.carbon": ["w_carbon", "kg", "w_good", ""],
};
const LEAST_KWH = 0.0005; // less than this is rounding, not a source

let open: HTMLElement | null = null;
let back: HTMLElement | null = null;

addEventListener("keydown", (e) => e.key === "Escape" && closePanel());

export function closePanel(): void {
  if (!open) return;
  open.remove();
  open = null;
  back?.focus();
}
export async function explain(site: Site, figure: string, of: string, title: string): Promise<void> {
  const from = open ? back : (document.activeElement as HTMLElement | null);
  closePanel();
  back = from;
  const close = el("button", "close", t("close"));
  close.addEventListener("click", closePanel);
  const body = el("div", "panel-body", "…");
  const panel = el("aside", "panel", el("header", "", el("h2", "", title), close), body);
  panel.setAttribute("role", "dialog");
  panel.setAttribute("aria-label", `${t("explain")}: ${title}`);
  document.body.append(panel);
  open = panel;
  close.focus();
  try {
    body.replaceChildren(...content(site, await get<Explained>(`/api/v1/explain?figure=${encodeURIComponent(figure)}&of=${of}&from=today&to=now`)));
  } catch (error) {
    body.textContent = String(error instanceof Error ? error.message : error);
  }
}
function amount(x: number | null, unit: string): string {
  return `${x !== null && Math.abs(x) >= 1000 ? whole(x) : num(x)} ${unit}`.trim();
}
function content(site: Site, e: Explained): HTMLElement[] {
  const called = (id: string): string => sourceName(site, id);
  const parts = e.parts.filter((p) => Math.abs(p.amount) > LEAST_KWH);
  const rows = parts.map((p) =>
    el("tr", "", el("td", "", p.via ? `${called(p.via)} ← ${called(p.source)}` : called(p.source)), el("td", "n", amount(p.amount, p.unit)), el("td", "n", `${num(p.factor.value_kg)} kg/${p.factor.unit}`), el("td", "n", amount(p.kg, "kg"))),
  );
  const factors = [...new Map(parts.map((p) => [p.source, p.factor])).entries()].map(([s, f]) =>
    el("li", "", `${called(s)}: ${num(f.value_kg, 4)} kg ${f.gas_basis}/${f.unit}, ${[f.region, f.year || ""].join(" ").trim()}${f.region || f.year ? ", " : ""}${f.source} (${f.status})${f.fallback ? "; " + f.fallback : ""}`),
  );
  return [
    el("p", "answer", `${amount(e.value, e.unit)} `, el("span", "small", t("todaySoFar"))),
    el("h3", "", t("formula")), ...formula(e),
    el("div", "tablebox", grid([t("source"), t("energy"), t("factor"), t("carbon")], rows)),
    el("h3", "", t("factor")), el("ul", "", ...factors),
    el("p", "", `${t("coverage")} ${num(e.coverage)} % · ${t("measured")} ${num(e.estimated === null ? null : 100 - e.estimated)} % · ${t("estimated")} ${num(e.estimated)} %`),
    el("h3", "", t("meters")), el("p", "small", e.meters.join(", ")),
    Object.assign(el("a", "", t("readings")), { href: e.readings }),
  ];
}
function formula(e: Explained): HTMLElement[] {
  const made = MADE[e.figure];
  if (!made) return [el("p", "", `${e.figure} = ${num(e.numerator.value)}${e.denominator ? ` ÷ ${num(e.denominator.value)}` : ""}`)];
  const [top, topUnit, under, underUnit] = made;
  const said = under ? `${t(top)} ÷ ${t(under)}` : t(top);
  const counted = e.denominator ? `${amount(e.numerator.value, topUnit)} ÷ ${amount(e.denominator.value, underUnit ?? "")}` : amount(e.numerator.value, topUnit);
  return [el("p", "said", said), el("p", "small", `= ${counted}`)];
}
