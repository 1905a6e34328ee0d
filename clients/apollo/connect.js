import { ApolloClient, HttpLink, InMemoryCache } from '@apollo/client';
import { SetContextLink } from '@apollo/client/link/context';
import { relayStylePagination } from '@apollo/client/utilities';

const list = relayStylePagination(['filter', 'sort']);
const related = relayStylePagination(['relation', 'filter', 'sort']);
const events = relayStylePagination(['filter']);
export const possibleTypes = {
  Node: ['Account', 'AuditEvent', 'Group', 'GroupMemberTableView', 'GroupTableView', 'Job', 'JobTableView', 'Mail', 'PartnerClient', 'Product', 'User', 'UserTableView', 'Webhook'],
  Change: ['GroupChange', 'MembershipChange', 'NestingChange', 'UserChange', 'UserProductChange', 'UserStatusChange'],
};
export const typePolicies = {
  Query: { fields: { users: list, groups: list, jobs: relayStylePagination(['status', 'kinds']), mails: relayStylePagination(['state']), auditEvents: events } },
  User: { fields: { groups: related, auditEvents: events } },
  Job: { fields: { results: relayStylePagination(['outcomes']) } },
  Webhook: { fields: { deliveries: relayStylePagination([]) } },
  Group: { fields: { members: related, parents: list, children: list, ancestors: list, descendants: list, auditEvents: events } },
};

export function connect(url, getToken) {
  const authorize = new SetContextLink(({ headers }) => ({ headers: { ...headers, authorization: `Bearer ${getToken()}` } }));
  const link = authorize.concat(new HttpLink({ uri: url }));
  return new ApolloClient({ link, cache: new InMemoryCache({ possibleTypes, typePolicies }) });
}

// For a mutation's `update`, with the `deletedUserId` or the `deletedGroupId` of the payload.
export function drop(cache, __typename, id) {
  cache.evict({ id: cache.identify({ __typename, id }) });
  cache.gc();
}
