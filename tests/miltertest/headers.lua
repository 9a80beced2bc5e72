-- What is done to the header, by name, value and place.
dofile("common.lua")

local conn = connect()
ok("negotiation", mt.negotiate(conn, nil, nil, nil))
ok("CONNECT", mt.conninfo(conn, "client.example.net", "192.0.2.7"))

acts(conn, "tag")
check("verdict", mt.eom_check(conn, MT_HDRINSERT, "X-Callbluff-Verdict", " clean"))
check("score", mt.eom_check(conn, MT_HDRINSERT, "X-Callbluff-Score", " 0.0"))
check("right below Received", mt.eom_check(conn, MT_HDRINSERT, "X-Callbluff-Verdict", " clean", 1)
	or mt.eom_check(conn, MT_HDRINSERT, "X-Callbluff-Score", " 0.0", 1))
check("nothing else is touched", not mt.eom_check(conn, MT_HDRDELETE) and not mt.eom_check(conn, MT_BODYCHANGE))

-- Forged fields go whatever the action, in every spelling; those of others stay.
for _, action in ipairs({"accept", "tag"}) do
	envelope(conn, action)
	for _, name in ipairs({"X-Callbluff-Verdict", "x-callbluff-verdict", "X-CALLBLUFF-ENTRY", "X-Callbluff-Anything"}) do
		ok(name, mt.header(conn, name, " forged"))
	end
	ok("X-Other", mt.header(conn, "X-Other", " stays"))
	header(conn)
	body(conn)
	ok("end of message", mt.eom(conn))
	check(action .. ": answer", mt.getreply(conn) == SMFIR_CONTINUE)
	-- miltertest 2.11 cannot tell deletions by name; tests/mta shows with real MTAs which fields go.
	check(action .. ": nothing is deleted", mt.eom_check(conn, MT_HDRDELETE))
end

-- Fields that no honest program writes.
envelope(conn, "tag")
ok("long value", mt.header(conn, "X-Long", " " .. string.rep("y", 900)))
ok("long name", mt.header(conn, string.rep("N", 900), " value"))
ok("empty value", mt.header(conn, "X-Empty", ""))
ok("control characters", mt.header(conn, "X-Odd", " \1\2\127\255\254"))
for number = 1, 2000 do
	ok("field " .. number, mt.header(conn, "X-Many", " " .. number))
end
body(conn)
ok("end of message", mt.eom(conn))
check("odd fields: answer", mt.getreply(conn) == SMFIR_CONTINUE)
check("odd fields: tagged", inserts(conn))
mt.disconnect(conn)

mt.echo("all passed")
