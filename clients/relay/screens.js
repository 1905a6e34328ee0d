// What test.mjs runs: the screens' data by relay-runtime, over artifacts of relay-compiler.
import { commitMutation, createOperationDescriptor, fetchQuery, getRequest, getSelector } from 'relay-runtime';
import { connect } from './environment.js';
import * as operations from './operations.js';

export { connect, operations };

// Fetches a query, which stays in the store from then on; `read` gives the present data of a fragment in it.
export async function open(environment, query, variables, fragment, within = data => data) {
  await fetchQuery(environment, query, variables).toPromise();
  const operation = createOperationDescriptor(getRequest(query), variables);
  environment.retain(operation);
  const data = () => within(environment.lookup(operation.fragment).data);
  return {
    data,
    read: () => environment.lookup(getSelector(fragment, data())).data,
  };
}

// Fetches the next page, as usePaginationFragment does.
export const fetchPage = (environment, fragment, variables) =>
  fetchQuery(environment, fragment.metadata.refetch.operation, variables).toPromise();

export const commit = (environment, mutation, variables) => new Promise((resolve, reject) => {
  commitMutation(environment, {
    mutation,
    variables,
    onCompleted: (answer, errors) => (errors ? reject(new Error(JSON.stringify(errors))) : resolve(answer)),
    onError: reject,
  });
});
