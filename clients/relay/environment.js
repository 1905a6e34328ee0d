import { Environment, Network, RecordSource, Store } from 'relay-runtime';

export function connect(url, getToken) {
  const fetchGraphQL = async ({ text, name }, variables) => {
    const answer = await fetch(url, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${getToken()}`,
        'content-type': 'application/json',
        accept: 'application/graphql-response+json, application/json',
      },
      body: JSON.stringify({ query: text, operationName: name, variables }),
    });
    return answer.json();
  };
  return new Environment({ network: Network.create(fetchGraphQL), store: new Store(new RecordSource()) });
}
