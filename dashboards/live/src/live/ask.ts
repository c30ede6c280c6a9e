// Questions to the API. An error carries the sentence that the API gave.
interface Problem {
  error: { message: string };
}

export function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  return ask<T>(path, { signal: signal ?? null });
}

export function send<T>(method: "POST" | "DELETE", path: string, body?: object): Promise<T> {
  const headers = { "Content-Type": "application/json" };
  return ask<T>(path, { method, headers, body: body ? JSON.stringify(body) : null });
}

async function ask<T>(path: string, how: RequestInit): Promise<T> {
  const answer = await fetch(path, how);
  if (answer.ok) return (await answer.json()) as T;
  const problem = (await answer.json()) as Problem;
  throw new Error(problem.error.message);
}
