import { Client, fetchExchange } from '@urql/core';
import { cacheExchange } from '@urql/exchange-graphcache';
import { relayPagination } from '@urql/exchange-graphcache/extras';
import { keys } from './keys.js';

const list = relayPagination();
const drop = (__typename, field) => (result, args, cache, info) => {
  const id = result[info.fieldName][field];
  for (const gone of [id].flat().filter(Boolean)) cache.invalidate({ __typename, id: gone });
};

export function connect(url, getToken) {
  const resolvers = { Query: { users: list, groups: list }, Group: { members: list, children: list }, User: { groups: list } };
  const updates = {
    Mutation: {
      userDelete: drop('User', 'deletedUserId'),
      groupDelete: drop('Group', 'deletedGroupId'),
      groupsDelete: drop('Group', 'deletedGroupIds'),
    },
  };
  return new Client({
    url,
    preferGetMethod: false,
    fetchOptions: () => ({ headers: { authorization: `Bearer ${getToken()}` } }),
    exchanges: [cacheExchange({ keys, resolvers, updates }), fetchExchange],
  });
}
