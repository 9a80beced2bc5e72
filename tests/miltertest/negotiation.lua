-- Every version of the protocol and every set of offers that an MTA may make.
dofile("common.lua")

local actions = SMFIF_ADDHDRS + SMFIF_CHGHDRS + SMFIF_QUARANTINE + SMFIF_DELRCPT

-- Everything offered: what callbluff asks for, and that no answer comes before the end of the message.
local conn = connect()
ok("negotiation", mt.negotiate(conn, nil, nil, nil))
for _, action in ipairs({SMFIF_ADDHDRS, SMFIF_CHGHDRS, SMFIF_QUARANTINE}) do
	check("action " .. action .. " was not asked for", mt.test_action(conn, action))
end
for _, step in ipairs({SMFIP_NR_CONN, SMFIP_NR_HELO, SMFIP_NR_MAIL, SMFIP_NR_RCPT, SMFIP_NR_HDR, SMFIP_NR_BODY}) do
	check("no-reply " .. step .. " was not asked for", mt.test_option(conn, step))
end
check("an answer to DATA", mt.test_option(conn, SMFIP_NODATA) or mt.test_option(conn, SMFIP_NR_DATA))
check("an answer to the end of the header", mt.test_option(conn, SMFIP_NOEOH) or mt.test_option(conn, SMFIP_NR_EOH))
check("SKIP: the store needs every byte", not mt.test_option(conn, SMFIP_SKIP))
ok("CONNECT", mt.conninfo(conn, "client.example.net", "192.0.2.7"))
ok("HELO", mt.helo(conn, "client.example.net"))
acts(conn, "tag")
mt.disconnect(conn)

-- Version 6 without a single step flag: then every command is answered.
conn = connect()
ok("negotiation", mt.negotiate(conn, 6, actions, 0))
check("no-reply was not offered", not mt.test_option(conn, SMFIP_NR_HDR))
ok("CONNECT", mt.conninfo(conn, "client.example.net", "192.0.2.7"))
check("answer to CONNECT", mt.getreply(conn) == SMFIR_CONTINUE)
ok("HELO", mt.helo(conn, "client.example.net"))
check("answer to HELO", mt.getreply(conn) == SMFIR_CONTINUE)
ok("MAIL", mt.mailfrom(conn, "<tag@actions.example.net>"))
check("answer to MAIL", mt.getreply(conn) == SMFIR_CONTINUE)
mt.disconnect(conn)

-- An old MTA: version 2 has neither DATA nor unknown commands nor any later flag.
conn = connect()
ok("negotiation", mt.negotiate(conn, 2, SMFIF_ADDHDRS + SMFIF_CHGHDRS, 127))
ok("CONNECT", mt.conninfo(conn, "client.example.net", "192.0.2.7"))
check("tag of version 2", message(conn, "tag") == SMFIR_CONTINUE)
mt.disconnect(conn)

mt.echo("all passed")
