// What stands in the plant: kinds of sources, units of lines, meters of groups.
import type { Group, Line, Site } from "../types";
import { STORAGE } from "./palette";

export function sourceKind(site: Site, id: string): string {
  const source = site.sources.find((known) => known.id === id);
  if (source) return source.kind;
  return site.storages.some((storage) => storage.id === id) ? STORAGE : "other";
}

export function lineOrGroup(site: Site, id: string): Line | Group | undefined {
  return site.lines.find((line) => line.id === id) ?? site.groups.find((group) => group.id === id);
}

function membersOf(site: Site, id: string): Line[] {
  return site.lines.filter((line) => line.id === id || line.group === id);
}

// What a line counts its output in; of a group that of its first line that counts.
export function outputUnit(site: Site, id: string): string {
  return membersOf(site, id).find((line) => line.output_unit)?.output_unit ?? "";
}

export function meterIds(site: Site, id: string): string[] {
  return membersOf(site, id).flatMap((line) => line.meters);
}
