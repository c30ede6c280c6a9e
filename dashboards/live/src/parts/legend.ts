// What the colours of sources and the patterns of states mean.
import type { Site } from "../types";
import { named } from "../words/say";
import { stateWord } from "./band";
import { make } from "./dom";
import { sourceColour, STATES, STORAGE } from "./palette";

export function legend(site: Site): HTMLElement {
  const sources = site.sources.map(({ id, name, kind }) => entry(named(name, id), kind));
  const storages = site.storages.map(({ id, name }) => entry(named(name, id), STORAGE));
  const states = STATES.map((state) =>
    make("span", "", make("i", `dot s-${state}`), stateWord(state)),
  );
  return make("footer", "legend small", ...sources, ...storages, ...states);
}

function entry(title: string, kind: string): HTMLElement {
  const dot = make("i", "dot");
  dot.style.background = sourceColour(kind);
  return make("span", "", dot, title);
}
