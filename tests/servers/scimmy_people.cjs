// Copyright (c) 2026, Workspace 365 provisioning contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// SCIMMY and its routers on Express, with users and groups in memory: `node scimmy_people.cjs PORT TOKEN [as-published]`.
// SCIMMY does SCIM; what stands here is what it leaves to an application: keeping, finding by id, and unique names.

const {randomUUID} = require("node:crypto");

// NODE_PATH names the folder in which these are installed.
const express = require("express");
const SCIMMY = require("scimmy");
const {SCIMMYRouters} = require("scimmy-routers");

const [port, token, mode] = process.argv.slice(2);

function keep(Resource, name) {
  const kept = new Map();
  const find = (id) => {
    if (!kept.has(id)) throw new SCIMMY.Types.Error(404, null, `Resource ${id} not found`);
    return kept.get(id);
  };
  SCIMMY.Resources.declare(Resource)
    .ingress((resource, instance) => {
      const before = resource.id ? find(resource.id) : undefined;
      const data = JSON.parse(JSON.stringify(instance));
      const key = data[name].toLowerCase();
      for (const other of kept.values()) {
        if (other !== before && other[name].toLowerCase() === key) {
          throw new SCIMMY.Types.Error(409, "uniqueness", `${name} is taken`);
        }
      }
      const id = before?.id ?? randomUUID();
      const now = new Date().toISOString();
      kept.set(id, {...data, id, meta: {created: before?.meta.created ?? now, lastModified: now}});
      return kept.get(id);
    })
    .egress((resource) => {
      if (resource.id) return find(resource.id);
      const all = [...kept.values()];
      return resource.filter ? resource.filter.match(all) : all;
    })
    .degress((resource) => {
      find(resource.id);
      kept.delete(resource.id);
    });
}

SCIMMY.Resources.User.extend(SCIMMY.Schemas.EnterpriseUser, false);
keep(SCIMMY.Resources.User, "userName");
keep(SCIMMY.Resources.Group, "displayName");

const application = express();
// Express 5 makes the query anew each time it is read. The routers write numbers into it, so startIndex and count would
// be ignored. "as-published" leaves that as it is: a server that answers every page with the first twenty.
if (mode !== "as-published") {
  application.use((request, response, next) => {
    Object.defineProperty(request, "query", {value: {...request.query}});
    next();
  });
}
application.use(
  "/scim",
  new SCIMMYRouters({
    type: "bearer",
    handler: (request) => {
      if (request.header("Authorization") !== `Bearer ${token}`) throw new Error("Authorization not detected!");
      return "somebody";
    },
  }),
);
application.listen(Number(port), "127.0.0.1");
