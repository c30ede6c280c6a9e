// Made by `make regen` from plant/names, rules and dashboards/palette; do not edit.
export const STATES = [
  "OFF",
  "STANDBY",
  "WARMUP",
  "IDLE",
  "RUN",
  "CHANGEOVER",
  "FAULT",
  "UNKNOWN",
] as const;
export const VERDICTS = ["normal", "wrap", "reset", "swap", "glitch", "unknown", "gap"] as const;
export const SEVERITIES = ["info", "warning", "critical"] as const;
export const SOURCE_COLOURS = {
  grid: "#7A7F87",
  pv: "#E69F00",
  wind: "#56B4E9",
  store: "#009E73",
  gas: "#D55E00",
  heat: "#CC79A7",
  geothermal: "#0072B2",
} as const;
export const OTHER_COLOUR = "#B9BCC2" as const;
export const UNKNOWN_COLOUR = "#9aa0a6" as const;
export const STATE_COLOURS = {
  RUN: "#0F766E",
  IDLE: "#C9A23F",
  STANDBY: "#D9CFA0",
  WARMUP: "#6FA8DC",
  CHANGEOVER: "#8FA3AD",
  FAULT: "#B3261E",
  OFF: "#C6C9CE",
  UNKNOWN: "#E5E5E5",
} as const;
export const CARBON_STOPS = [
  [0, "#269680"],
  [300, "#CE9E3A"],
  [600, "#8A4A24"],
  [900, "#1E1816"],
] as const;
// For how many minutes an alert can be put aside, by its severity.
export const SHELVED_MOST_MIN = {
  info: 10080,
  warning: 1440,
  critical: 240,
} as const;
// Percent of time under which a figure is dimmed and says so.
export const COVERED = 95;
