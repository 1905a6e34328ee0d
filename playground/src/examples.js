// The operations to click. `lookup` is asked first where variables need ids; `variables` makes them of its answer, and
// answers null where the account has nothing to show it with. `needs` names a subscription that the schema must have. Names are the demo's: elsewhere the first ones do.
const id = (...candidates) => candidates.find(Boolean)?.id;

export const examples = [
  {
    section: 'Read',
    title: 'Users and their groups',
    about: 'A page of users, each with the groups they are in, direct and inherited.',
    query: `query UsersAndGroups($search: String) {
  users(
    first: 10
    filter: { search: $search }
  ) {
    totalCount
    nodes {
      displayName
      email
      role
      status
      groups(first: 5) {
        edges {
          direct
          node {
            name
          }
        }
      }
    }
    pageInfo {
      hasNextPage
      endCursor
    }
  }
}`,
    variables: () => ({ search: null }),
  },
  {
    section: 'Read',
    title: 'Who changed what',
    about: 'The audit log, the newest first: what was done, by whom, on whom, and each field before and after.',
    query: `query AuditLog($filter: AuditEventFilter) {
  auditEvents(first: 20, filter: $filter) {
    nodes {
      occurredAt
      action
      outcome
      actor {
        kind
        role
        user {
          email
        }
      }
      subjectType
      subject {
        id
        ... on User {
          email
        }
        ... on Group {
          name
        }
      }
      changes {
        field
        before
        after
      }
    }
    pageInfo {
      hasNextPage
      endCursor
    }
  }
}`,
    variables: () => ({ filter: { outcome: 'DONE' } }),
  },
  {
    section: 'Read',
    title: 'The tree of groups',
    about: 'Groups at the top, what lies in them, and how many people that makes.',
    query: `query GroupTree {
  groups(first: 10, filter: { hasParent: false }) {
    nodes {
      name
      memberCount
      children(first: 10) {
        nodes {
          name
          memberCount
          children(first: 10) {
            nodes {
              name
              memberCount
            }
          }
        }
      }
    }
  }
}`,
  },
  {
    section: 'Read',
    title: 'Members of a nested group',
    about: 'Who is in a group, and the way each of them comes in.',
    lookup: `{
      named: group(by: { name: "Support" }) { id }
      some: groups(first: 1, filter: { hasParent: true }) { nodes { id } }
      any: groups(first: 1) { nodes { id } }
    }`,
    query: `query MembersWithPath($group: ID!) {
  group(by: { id: $group }) {
    name
    breadcrumbs {
      name
    }
    memberCount
    directMemberCount
    members(first: 20, relation: ALL) {
      edges {
        direct
        path {
          name
        }
        node {
          displayName
        }
      }
    }
  }
}`,
    variables: found => ids({ group: id(found.named, found.some.nodes[0], found.any.nodes[0]) }),
  },
  {
    section: 'Read',
    title: 'Why is somebody a member?',
    about: 'For users and groups: a member or not, by which groups, and the shortest way.',
    lookup: `{
      user: user(by: { email: "ines.conceicao@example.org" }) { id }
      users(first: 1) { nodes { id } }
      one: group(by: { name: "Support" }) { id }
      two: group(by: { name: "Engineering" }) { id }
      groups(first: 2) { nodes { id } }
    }`,
    query: `query WhyMember($users: [ID!]!, $groups: [ID!]!) {
  membershipChecks(userIds: $users, groupIds: $groups) {
    isMember
    direct
    via {
      name
    }
    path {
      name
    }
  }
}`,
    variables: found => {
      const user = id(found.user, found.users.nodes[0]);
      const groups = [found.one, found.two].every(Boolean) ? [found.one, found.two] : found.groups.nodes;
      return user && groups.length > 0 ? { users: [user], groups: groups.map(group => group.id) } : null;
    },
  },
  {
    section: 'Read',
    title: 'What may somebody do, and why?',
    about: 'The permissions of a user, each once, with the groups that give it and the way to them.',
    lookup: '{ user: user(by: { email: "ines.conceicao@example.org" }) { id } users(first: 1) { nodes { id } } }',
    query: `query WhyPermitted($user: ID!) {
  user(by: { id: $user }) {
    displayName
    permissions {
      permission {
        area
        name
      }
      sources {
        kind
        direct
        group {
          name
        }
        path {
          name
        }
      }
    }
  }
}`,
    variables: found => ids({ user: id(found.user, found.users.nodes[0]) }),
  },
  {
    section: 'Read',
    title: 'Why does somebody have this?',
    about: 'What a setting comes to for a user, every value that it overrides, and what would end each.',
    lookup: '{ user: user(by: { email: "saoirse.oconnor@example.org" }) { id } users(first: 1) { nodes { id } } }',
    query: `query Why($user: ID!) {
  explainAccess(userId: $user, settingKey: "phone.call.recording") {
    setting {
      name
    }
    value {
      choice
    }
    reasons {
      kind
      counts
      locked
      value {
        choice
      }
      path {
        name
      }
      action {
        mutation
        input
        permitted
      }
    }
  }
}`,
    variables: found => ids({ user: id(found.user, found.users.nodes[0]) }),
  },
  {
    section: 'Read',
    title: 'Webhooks',
    about: 'Where the change feed is sent to, how far each webhook is, and what has become of the last attempts. webhookCreate makes one. For super admins.',
    query: `query Webhooks {
  webhooks {
    name
    url
    kinds
    state
    behind
    lastError
    lastSuccessAt
    deliveries(first: 5) {
      nodes {
        at
        attempt
        changeCount
        status
        error
      }
    }
  }
}`,
  },
  {
    section: 'Change',
    title: 'Export users',
    about: 'A job writes them to a workbook and changes nothing. A moment later `job(id:) { resultUrl }` is the path of the file on this server.',
    query: `mutation ExportUsers($input: ExportCreateInput!) {
  exportCreate(input: $input) {
    job {
      id
      status
      total
      startedBy {
        displayName
      }
    }
    errors {
      code
      message
      path
    }
  }
}`,
    variables: () => ({ input: { what: { users: { selection: { matching: { filter: { role: ['ADMIN', 'MEMBER'] } } } } }, format: 'XLSX', locale: 'EN' } }),
  },
  {
    section: 'Change',
    title: 'Try out settings of a group',
    about: 'A dry run: whom the values would reach, who holds values of their own, who follows another group or a lock.',
    lookup: '{ named: group(by: { name: "Customer Care" }) { id } groups(first: 1) { nodes { id } } }',
    query: `mutation TrySettings($input: GroupSettingsSetInput!) {
  groupSettingsSet(input: $input) {
    preview {
      impact {
        reached
        cleared
        skipped
        others
        locked
      }
      rows {
        outcome
        user {
          displayName
        }
        settings {
          key
          before {
            choice
          }
        }
      }
    }
    errors {
      code
      message
    }
  }
}`,
    variables: found => input({
      groupId: id(found.named, found.groups.nodes[0]), dryRun: true,
      settings: [{ key: 'phone.call.recording', value: { choice: 'OFF' } }],
    }),
  },
  {
    section: 'Change',
    title: 'Grant permissions to a group',
    about: 'Its members hold them at once. Nobody grants what they don\'t hold: MISSING_PERMISSION names the keys.',
    lookup: '{ named: group(by: { name: "Translators" }) { id } groups(first: 1) { nodes { id } } }',
    query: `mutation GrantPermissions($input: GroupPermissionsSetInput!) {
  groupPermissionsSet(input: $input) {
    group {
      name
      permissions {
        permission {
          name
        }
        direct
        via {
          name
        }
      }
    }
    granted {
      key
    }
    errors {
      code
      message
      params {
        name
        values
      }
    }
  }
}`,
    variables: found => input({
      groupId: id(found.named, found.groups.nodes[0]), mode: 'ADD', permissionKeys: ['people.view', 'meetings.schedule'],
    }),
  },
  {
    section: 'Change',
    title: 'Create a user in a group',
    about: 'A new user, a direct member of a group from the start.',
    lookup: '{ named: group(by: { name: "Translators" }) { id } groups(first: 1) { nodes { id } } }',
    query: `mutation CreateUser($input: UserCreateInput!) {
  userCreate(input: $input) {
    user {
      id
      displayName
      status
      groups(first: 5) {
        nodes {
          name
        }
      }
    }
    errors {
      code
      message
      path
    }
  }
}`,
    variables: found => {
      const group = id(found.named, found.groups.nodes[0]);
      const email = `robin.${Date.now().toString(36)}@example.org`;
      return { input: { email, givenName: 'Robin', familyName: 'Example', locale: 'EN', groupIds: group ? [group] : [] } };
    },
  },
  {
    section: 'Change',
    title: 'Place a group in another',
    about: 'The members of the child become members of the parent at once. Doing it twice is doing it once.',
    lookup: `{
      parent: group(by: { name: "Communication" }) { id }
      child: group(by: { name: "Sales" }) { id }
      groups(first: 2) { nodes { id } }
    }`,
    query: `mutation NestGroup($input: GroupNestInput!) {
  groupNest(input: $input) {
    outcome
    parent {
      name
      memberCount
    }
    child {
      name
      depth
    }
    errors {
      code
      message
    }
  }
}`,
    variables: found => input(found.parent && found.child
      ? { parentId: found.parent.id, childId: found.child.id }
      : { parentId: id(found.groups.nodes[0]), childId: id(found.groups.nodes[1]) }),
  },
  {
    section: 'Change',
    title: 'A loop is refused',
    about: 'Placing a group in one of its own: mistakes come as data, with the groups that would close the loop.',
    lookup: '{ groups(first: 1, filter: { hasParent: true }) { nodes { id parents(first: 1) { nodes { id } } } } }',
    query: `mutation CloseLoop($input: GroupNestInput!) {
  groupNest(input: $input) {
    outcome
    errors {
      code
      message
      params {
        name
        values
      }
    }
  }
}`,
    variables: found => input({ parentId: id(found.groups.nodes[0]), childId: id(found.groups.nodes[0]?.parents.nodes[0]) }),
  },
  {
    section: 'Change',
    title: 'A client for a partner',
    about: 'A program of a partner that follows who is in which group, by ids. It exchanges clientId and clientSecret, shown this once, for a token at /oauth/token; put that into the field above to see what it sees.',
    query: `mutation PartnerClient($input: PartnerClientCreateInput!) {
  partnerClientCreate(input: $input) {
    partnerClient {
      name
      clientId
      scopes
    }
    clientSecret
    errors {
      code
      message
    }
  }
}`,
    variables: () => input({ name: `Partner ${Date.now().toString(36)}`, scopes: ['GROUPS_READ', 'MEMBERS_READ', 'CHANGES_READ'] }),
  },
  {
    section: 'Live',
    title: 'Watch a group',
    about: 'Says what happens to a group while it happens. Change its members in another tab of the browser.',
    needs: 'groupChanged',
    lookup: '{ named: group(by: { name: "Translators" }) { id } groups(first: 1) { nodes { id } } }',
    query: `subscription WatchGroup($group: ID!) {
  groupChanged(id: $group) {
    changed
    group {
      name
      memberCount
      directMemberCount
    }
    deletedGroupId
  }
}`,
    variables: found => ids({ group: id(found.named, found.groups.nodes[0]) }),
  },
  {
    section: 'Live',
    title: 'Watch everything',
    about: 'The change feed: who joins and leaves what, who is new, whose products and status change. Programs keep the cursor, and go on from it with since.',
    needs: 'changes',
    query: `subscription WatchEverything {
  changes {
    cursor
    entries {
      number
      time
      action
      __typename
      ... on UserChange {
        userId
        after {
          displayName
        }
      }
      ... on UserStatusChange {
        userId
        status
      }
      ... on UserProductChange {
        userId
        productId
      }
      ... on GroupChange {
        groupId
        after {
          name
        }
      }
      ... on MembershipChange {
        userId
        groupId
      }
      ... on NestingChange {
        childId
        parentId
      }
    }
  }
}`,
  },
  {
    section: 'Live',
    title: 'Watch a job',
    about: 'How far the newest job is, until it has ended. Jobs are made by mutations that concern many users.',
    needs: 'jobProgress',
    lookup: '{ jobs(first: 1) { nodes { id } } }',
    query: `subscription WatchJob($job: ID!) {
  jobProgress(id: $job) {
    kind
    status
    done
    total
    failed
    errorCode
    startedBy {
      displayName
    }
    results(first: 5) {
      nodes {
        outcome
        subject {
          ... on User {
            displayName
          }
          ... on Group {
            name
          }
        }
        added {
          name
        }
        removed {
          name
        }
      }
    }
  }
}`,
    variables: found => ids({ job: id(found.jobs.nodes[0]) }),
  },
];

// The object, or null when one of its ids was not found.
function ids(object) {
  return Object.values(object).every(Boolean) ? object : null;
}

function input(object) {
  return ids(object) && { input: object };
}
