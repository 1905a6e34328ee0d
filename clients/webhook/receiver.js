// A receiver of Cohort's webhooks: it checks the signature, passes over what it has had already, and hands on the rest in order. The check is
// that of Standard Webhooks' own library.
import { createServer } from 'node:http';
import { Webhook } from 'standardwebhooks';

// `getState` gives { upTo, message }, what the last call of `take` has kept, at first {}; `take(data, state)` applies data.entries and keeps
// the state together with them, in one transaction where they go to a database. `data` is a page as `changes` gives it.
export function receiver({ secret, getState, take }) {
  const signed = new Webhook(secret);
  let last = Promise.resolve();
  return createServer(async (request, response) => {
    const answer = status => response.writeHead(status).end();
    try {
      const chunks = [];
      for await (const chunk of request) chunks.push(chunk);
      let data;
      try {
        ({ data } = signed.verify(Buffer.concat(chunks).toString(), request.headers));
      } catch {
        return answer(401); // somebody else, or five minutes off
      }
      const turn = last.then(async () => {
        const { upTo, message } = await getState();
        if (message === request.headers['webhook-id'] || data.upTo <= upTo) return; // it has come again
        await take(data, { upTo: data.upTo, message: request.headers['webhook-id'] });
      });
      last = turn.catch(() => {});
      await turn;
      answer(204); // only now is it taken: whatever goes wrong before, the message comes again
    } catch {
      answer(500);
    }
  });
}
