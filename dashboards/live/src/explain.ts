// The side panel: a figure taken apart.
import { get } from "./data";
import { el } from "./dom";
import { num, t } from "./i18n";

interface Part { source: string; via: string | null; amount: number; unit: string; kg: number; factor: { value_kg: number; unit: string; source: string; year: number; region: string; gas_basis: string; status: string; fallback: string } }
interface Explained { figure: string; value: number | null; unit: string; parts: Part[]; numerator: { value: number | null }; denominator: { value: number | null } | null; coverage: number | null; estimated: number | null; meters: string[]; readings: string }

let open: HTMLElement | null = null;
let back: HTMLElement | null = null;

export function closePanel(): void {
  open?.remove();
  open = null;
  back?.focus();
}
export async function explain(figure: string, of: string, title: string): Promise<void> {
  closePanel();
  back = document.activeElement as HTMLElement | null;
  const close = el("button", "close", t("close"));
  close.addEventListener("click", closePanel);
  const body = el("div", "panel-body", "…");
  const panel = el("aside", "panel", el("header", "", el("h2", "", title), close), body);
  panel.setAttribute("role", "dialog");
  panel.setAttribute("aria-label", `${t("explain")}: ${title}`);
  panel.addEventListener("keydown", (e) => e.key === "Escape" && closePanel());
  document.body.append(panel);
  open = panel;
  close.focus();
  try {
    body.replaceChildren(...content(await get<Explained>(`/api/v1/explain?figure=${encodeURIComponent(figure)}&of=${of}&from=today&to=now`)));
  } catch (error) {
    body.textContent = String(error instanceof Error ? error.message : error);
  }
}
function content(e: Explained): HTMLElement[] {
  const rows = e.parts.map((p) =>
    el("tr", "", el("td", "", p.via ? `${p.via} ← ${p.source}` : p.source), el("td", "n", `${num(p.amount)} ${p.unit}`), el("td", "n", `${num(p.factor.value_kg)} kg/${p.factor.unit}`), el("td", "n", `${num(p.kg)} kg`)),
  );
  const factors = [...new Map(e.parts.map((p) => [p.source, p.factor])).entries()].map(([s, f]) =>
    el("li", "", `${s}: ${num(f.value_kg, 4)} kg ${f.gas_basis}/${f.unit}, ${f.region} ${f.year || ""}, ${f.source} (${f.status})${f.fallback ? "; " + f.fallback : ""}`),
  );
  const over = e.denominator ? ` ÷ ${num(e.denominator.value)}` : "";
  return [
    el("p", "answer", `${num(e.value)} ${e.unit}`),
    el("h3", "", t("formula")), el("p", "", `${e.figure} = ${num(e.numerator.value)}${over}`),
    el("table", "grid", el("tbody", "", ...rows)),
    el("h3", "", t("factor")), el("ul", "", ...factors),
    el("p", "", `${t("coverage")} ${num(e.coverage)} %, ${t("estimated")} ${num(e.estimated)} %`),
    el("h3", "", t("meters")), el("p", "small", e.meters.join(", ")),
    Object.assign(el("a", "", t("readings")), { href: e.readings }),
  ];
}
