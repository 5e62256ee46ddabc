// The server that the page came from, asked at its own addresses.
const webServer = {
  read: (question) => ask("read", question),
  keep: (correction) => ask("keep", correction),
};

async function ask(address, question) {
  const headers = { "Content-Type": "application/json" };
  const response = await fetch(address, { method: "POST", headers, body: JSON.stringify(question) });
  const answer = await response.json();
  if (response.ok) return answer;
  if (response.status === 429) return { busy: true };
  if ([403, 422, 507].includes(response.status)) return { error: answer.detail };
  throw new Error(answer.detail);
}
