// The server that the page came from, asked at its own addresses.
const LATEST = 30_000; // milliseconds until a request is given up; browsers send only six at a time

const webServer = {
  read: (question) => ask("read", question),
  keep: (correction) => ask("keep", correction),
};

async function ask(address, question) {
  const headers = { "Content-Type": "application/json" };
  const signal = AbortSignal.timeout?.(LATEST); // older browsers wait on
  const response = await fetch(address, { method: "POST", headers, body: JSON.stringify(question), signal });
  const answer = await response.json();
  if (response.ok) return answer;
  if (response.status === 429) return { busy: true };
  if ([403, 422, 507].includes(response.status)) return { error: answer.detail };
  throw new Error(answer.detail);
}
