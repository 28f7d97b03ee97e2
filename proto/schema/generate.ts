/** Writes generated/schema.json from the installed client package; see schema.ts. Run by npm after installation. */
