// Names of the places in the flow picture. An id is its kind and what it refers to, with a colon between.
import type { FlowNode, Names, Site } from "../types";
import { named, say } from "../words/say";

interface Named {
  id: string;
  name: Names;
}

const CONVERTERS = "converters"; // what the converters on a bus kept
export const REMAINDER = "remainder";
export const UNMETERED_ID = `${REMAINDER}:all`;
export const STORAGE_KINDS: ReadonlySet<string> = new Set(["storage", "store"]);

// Where energy comes from: a source, or a storage that gives back.
export function isBegin(node: FlowNode): boolean {
  return node.kind === "source" || STORAGE_KINDS.has(node.kind);
}

export function nodeLabel(site: Site, id: string): string {
  if (id === UNMETERED_ID) return say("unmetered");
  const [kind = "", ref = ""] = id.split(":");
  const place = placesOf(site, kind).find((known) => known.id === ref);
  const called = named(place?.name, ref);
  if (kind === REMAINDER) return `${say("unmetered")} (${called})`;
  if (kind === CONVERTERS) return `${say("converters")} (${called})`;
  if (kind === "export") return say("exported");
  return kind === "charge" ? `${called} ↓` : called;
}

function placesOf(site: Site, kind: string): Named[] {
  if (kind === "source") return site.sources;
  if (kind === "charge" || STORAGE_KINDS.has(kind)) return site.storages;
  if (kind === "bus" || kind === REMAINDER || kind === CONVERTERS) return site.buses;
  if (kind === "converter") return site.converters;
  return kind === "line" ? [...site.lines, ...site.groups] : [];
}
