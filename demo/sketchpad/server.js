// Sends questions and corrections to the server of this page.
const REQUEST_TIMEOUT = 30_000; // milliseconds; browsers send only six requests at a time

const webServer = {
  read: (question) => post("read", question),
  keep: (correction) => post("keep", correction),
};

async function post(address, message) {
  const headers = { "Content-Type": "application/json" };
  const signal = AbortSignal.timeout?.(REQUEST_TIMEOUT); // older browsers have no timeout
  const response = await fetch(address, { method: "POST", headers, body: JSON.stringify(message), signal });
  const answer = await response.json();
  if (response.ok) return answer;
  if (response.status === 429) return { busy: true };
  if ([403, 422, 507].includes(response.status)) return { error: answer.detail };
  throw new Error(answer.detail);
}
