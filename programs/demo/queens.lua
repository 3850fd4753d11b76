-- Places queens on a board so that none attacks another: lua /demo/queens.lua [SIZE]
local size = tonumber(arg[1] or 8)
local columns, ups, downs, board = {}, {}, {}, {}

local function place(row)
    if row > size then
        return true
    end
    for column = 1, size do
        local up, down = row + column, row - column
        if not (columns[column] or ups[up] or downs[down]) then
            columns[column], ups[up], downs[down], board[row] = true, true, true, column
            if place(row + 1) then
                return true
            end
            columns[column], ups[up], downs[down] = nil, nil, nil
        end
    end
    return false
end

assert(place(1), "there is no solution")
for row = 1, size do
    print((". "):rep(board[row] - 1) .. "Q " .. (". "):rep(size - board[row]))
end
