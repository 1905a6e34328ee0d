// How the playground reaches the API of the server that it comes from.
import { createGraphiQLFetcher } from '@graphiql/toolkit';
import { createClient } from 'graphql-ws';

const url = new URL('graphql', document.baseURI);

// One GraphQL request; throws with the words of the first error.
export async function ask(token, query) {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...authorization(token) },
    body: JSON.stringify({ query }),
  });
  const { data, errors } = await answer.json();
  if (errors?.length > 0) throw new Error(errors[0].message);
  return data;
}

// What GraphiQL sends its operations with: HTTP, and a WebSocket for subscriptions, which the first one opens.
export function connect(token) {
  const socket = new URL(url);
  socket.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  const wsClient = createClient({ url: socket.href, connectionParams: bearer(token), retryAttempts: 0 });
  const fetcher = createGraphiQLFetcher({ url: url.href, headers: authorization(token), wsClient, enableIncrementalDelivery: false });
  return { fetcher, close: () => wsClient.dispose() };
}

const bearer = token => (token ? { Authorization: `Bearer ${token}` } : {});
const authorization = token => (token ? { authorization: `Bearer ${token}` } : {});
