// Factors and contracts: what each source counts with, where that number is from, and what was claimed by contract.
import { get, type Data } from "./data";
import { el, scrolled } from "./dom";
import { code, num, sourceName, t } from "./i18n";
import type { Page } from "./site";

interface Factor { value_kg: number | null; unit: string; source: string; year: number; region: string; gas_basis: string; status: string; fallback: string }
interface Row { source: string; scope: string; contract_share: number | null; location: Factor; market: Factor }

export function factorsPage(data: Data): Page {
  const root = el("main", "factors", el("h1", "", t("factors")), el("p", "", "…"));
  const cell = (v: string, cls = "") => el("td", cls, v);
  const called = (id: string): string => sourceName(data.site, id);
  const amount = (f: Factor): string => `${num(f.value_kg, 4)} kg ${f.gas_basis}/${f.unit}`;
  const from = (f: Factor): string => [[f.region, f.year || ""].join(" ").trim(), f.source, f.fallback].filter(Boolean).join("; ");
  const row = (r: Row) => el("tr", "", cell(called(r.source)), cell(code("scope", r.scope)), cell(amount(r.location), "n"), cell(amount(r.market), "n"), cell(r.contract_share === null ? "–" : `${num(100 * r.contract_share)} %`, "n"), cell(r.location.source === r.market.source ? from(r.location) : `${from(r.location)} / ${from(r.market)}`));
  void get<Row[]>("/api/v1/factors").then((rows) => {
    const box = scrolled(t("factors"), [t("source"), t("scope"), t("byLocation"), t("byMarket"), t("contract"), t("origin")], rows.map(row), "tall");
    root.replaceChildren(el("h1", "", t("factors")), el("section", "card", box));
  }, (error: Error) => root.replaceChildren(el("p", "", error.message)));
  return { root, update: () => undefined, stop: () => undefined };
}
