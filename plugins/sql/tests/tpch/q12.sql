select l_shipmode,
    sum(case when o_orderpriority in ('1-URGENT', '2-HIGH') then 1 else 0 end) as high_line_count,
    sum(case when o_orderpriority not in ('1-URGENT', '2-HIGH') then 1 else 0 end) as low_line_count
from orders
join lineitem on o_orderkey = l_orderkey
where l_shipmode in :modes and l_commitdate < l_receiptdate and l_shipdate < l_commitdate
    and l_receiptdate >= :first and l_receiptdate < :last
group by l_shipmode
order by l_shipmode
