// What every page is to the frame around it.
export interface Page {
  root: HTMLElement;
  update(): void; // something new is known
  stop(): void; // another page takes its place
}

export const NOTHING_TO_DO = (): void => undefined;
