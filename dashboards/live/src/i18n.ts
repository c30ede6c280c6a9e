// Words in the language of the viewer, and numbers and times as it writes them.
import type { Site } from "./types";
import { WORDS } from "./words";

export type Lang = "en" | "zh" | "de";
export const LANGS: Lang[] = ["en", "zh", "de"];
export const LANG_NAMES: Record<Lang, string> = { en: "EN", zh: "中文", de: "DE" };

export type Word = keyof typeof WORDS;

export let lang: Lang = (localStorage.getItem("lang") as Lang) || (navigator.language.startsWith("zh") ? "zh" : navigator.language.startsWith("de") ? "de" : "en");
export function setLang(next: Lang): void {
  lang = next;
  localStorage.setItem("lang", next);
  document.documentElement.lang = next;
}
// CO2 or CO2e: the page never says one for the other.
let basis = "CO₂";
export function setBasis(of: string): void {
  basis = of === "CO2" ? "CO₂" : "CO₂e";
}
export function t(word: Word, values: Record<string, string | number> = {}): string {
  return WORDS[word][LANGS.indexOf(lang)]!.replace(/\{(\w+)\}/g, (_, key: string) => String(values[key] ?? (key === "c" ? basis : "")));
}
export function has(word: string): word is Word {
  return word in WORDS;
}
export function name(names: Record<string, string> | undefined, fallback: string): string {
  return names?.[lang] || names?.en || fallback;
}
const formats = new Map<string, Intl.NumberFormat | Intl.DateTimeFormat>();
// Formatters are dear to make: one of each kind is kept.
function kept<F extends Intl.NumberFormat | Intl.DateTimeFormat>(key: string, make: () => F): F {
  const found = (formats.get(key) as F | undefined) ?? make();
  formats.set(key, found);
  return found;
}
export function num(x: number | null | undefined, digits = 3): string {
  if (x === null || x === undefined || !Number.isFinite(x)) return "–";
  const shown = Math.abs(x) < 0.0005 ? 0 : Number(x.toPrecision(digits));
  const size = shown ? Math.floor(Math.log10(Math.abs(shown))) + 1 : 1;
  const places = Math.max(0, Math.min(3, digits - size));
  return kept(`${lang} ${places}`, () => new Intl.NumberFormat(lang, { minimumFractionDigits: places, maximumFractionDigits: places })).format(Math.abs(shown) >= 10 ** digits ? x : shown);
}
export function whole(x: number): string {
  return kept(`${lang} whole`, () => new Intl.NumberFormat(lang, { maximumFractionDigits: 0 })).format(x);
}
// As many places as it has, up to three.
export function plain(x: number): string {
  return kept(`${lang} plain`, () => new Intl.NumberFormat(lang, { maximumFractionDigits: 3 })).format(x);
}
// A word that is the name of a code, or the code itself where the page has no word for it.
export function code(kind: string, id: string): string {
  const word = `${kind}_${id}`;
  return has(word) ? t(word) : id;
}
export function sourceName(site: Site, id: string): string {
  return name([...site.sources, ...site.storages].find((x) => x.id === id)?.name, code("source", id));
}
export function signed(x: number | null | undefined): string {
  return x === null || x === undefined ? "–" : (x > 0 ? "+" : x < 0 ? "−" : "") + num(Math.abs(x), 2);
}
export function clock(ms: number, zone: string, seconds = false): string {
  const options = { hour: "2-digit", minute: "2-digit", second: seconds ? "2-digit" : undefined, hourCycle: "h23", timeZone: zone } as const;
  return kept(`${lang} ${zone} ${seconds}`, () => new Intl.DateTimeFormat(lang, options)).format(ms);
}
// A time that may be of another day: with its date then.
export function moment(ms: number, zone: string, nowMs: number): string {
  const day = (at: number): string => kept(`${lang} ${zone} day`, () => new Intl.DateTimeFormat(lang, { day: "numeric", month: "short", timeZone: zone })).format(at);
  return day(ms) === day(nowMs) ? clock(ms, zone) : `${day(ms)} ${clock(ms, zone)}`;
}
export function date(ms: number, zone: string): string {
  return kept(`${lang} ${zone} date`, () => new Intl.DateTimeFormat(lang, { day: "numeric", month: "numeric", timeZone: zone })).format(ms);
}
// A length of time in its two largest units.
export function lasting(ms: number): string {
  if (ms < 60_000) return t("secondsLong", { n: Math.round(ms / 1000) });
  const minutes = Math.round(ms / 60_000), days = Math.floor(minutes / 1440), hours = Math.floor(minutes / 60) % 24;
  const parts: [number, Word][] = [[days, "days"], [hours, "hoursLong"], [days ? 0 : minutes % 60, "minutesLong"]];
  return parts.filter(([n]) => n > 0).map(([n, word]) => t(word, { n })).join(" ");
}
