// Words in the language of the viewer.
import type { Names, Site } from "../types";
import { LANGUAGES, type Language } from "./languages";
import type { Word } from "./words";

const FALLBACK = LANGUAGES[0]!;

export let language: Language = chosenBefore() ?? wantedByBrowser() ?? FALLBACK;

export function setLanguage(next: Language): void {
  language = next;
  localStorage.setItem("lang", next.code);
  document.documentElement.lang = next.code;
}

function chosenBefore(): Language | undefined {
  const code = localStorage.getItem("lang");
  return LANGUAGES.find((known) => known.code === code);
}

function wantedByBrowser(): Language | undefined {
  return LANGUAGES.find((known) => navigator.language.startsWith(known.code));
}

// CO2 or CO2e: the page never says one for the other.
let basis = "CO₂";

export function setBasis(gasBasis: string): void {
  basis = gasBasis === "CO2" ? "CO₂" : "CO₂e";
}

export type Values = Record<string, string | number>;

// A text with its gaps filled in.
export function say(word: Word, values: Values = {}): string {
  const filled: Values = { c: basis, ...values };
  return language.words[word].replace(/\{(\w+)\}/g, (_gap, key: string) =>
    String(filled[key] ?? ""),
  );
}

export function isWord(text: string): text is Word {
  return text in FALLBACK.words;
}

// A word that is the name of a code, or the code itself where the page has no word for it.
export function codeWord(kind: string, code: string): string {
  const word = `${kind}_${code}`;
  return isWord(word) ? say(word) : code;
}

// A name that the plant file or a rule gives in several languages.
export function named(names: Names | undefined, fallback: string): string {
  return names?.[language.code] || names?.en || fallback;
}

export function sourceName(site: Site, id: string): string {
  const found = [...site.sources, ...site.storages].find((source) => source.id === id);
  return named(found?.name, codeWord("source", id));
}

// The name of anything that a figure can be of.
export function placeName(site: Site, id: string): string {
  const places = [...site.lines, ...site.groups, ...site.buses, ...site.converters, site];
  return named(places.find((place) => place.id === id)?.name, id);
}
