// One stream for all tabs of a browser, which may hold only six connections to a server.
// It is open while at least one tab is looked at; a tab that comes hears the newest of each kind at once.
import { Stream, type Message } from "./stream";

export type FromTab = "looking" | "away";

const looking = new Set<MessagePort>();
const newest = new Map<Message["kind"], Message>();
const stream = new Stream(tell);

function tell(message: Message): void {
  newest.set(message.kind, message);
  for (const port of looking) port.postMessage(message);
}

function look(port: MessagePort): void {
  if (stream.isOpen) for (const message of newest.values()) port.postMessage(message);
  looking.add(port);
  stream.open();
}

function leave(port: MessagePort): void {
  looking.delete(port);
  if (looking.size > 0) return;
  stream.close();
  newest.clear(); // what comes after a pause comes from the server, not from before it
}

interface ConnectEvent extends Event {
  ports: readonly MessagePort[];
}

addEventListener("connect", (event) => {
  const port = (event as ConnectEvent).ports[0]!;
  port.addEventListener("message", ({ data }: MessageEvent<FromTab>) => {
    if (data === "looking") look(port);
    else leave(port);
  });
  port.start();
});
